"""Render a report as self-contained HTML, and as Markdown; all text is escaped."""

from __future__ import annotations

import base64
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rnnbench.errors import one_line
from rnnbench.report.blocks import Figure, Report
from rnnbench.report.escaping import code_block, markdown_text

GENERATOR = "rnnbench report"
"""The generator in the page's metadata: marks its folder as a report that may be replaced."""


class Verbatim(str):
    """Text that is already Markdown."""


def html(report: Report) -> str:
    """Render the report as one page with its figures and style, without scripts or requests."""
    environment = _environment(autoescape=True, finalize=_shortened)
    environment.filters["data_uri"] = _data_uri
    source, _, _ = _loader().get_source(environment, "style.css")
    return environment.get_template("index.html.j2").render(
        report=report, style=Markup(source), generator=GENERATOR
    )


def markdown(report: Report) -> str:
    """Render the report as Markdown that refers to the files under ``figures/``."""
    environment = _environment(autoescape=False, finalize=_markdown_value)
    environment.globals["verbatim"] = Verbatim
    environment.filters["code_block"] = lambda text: Verbatim(code_block(text))
    # Only links that passed web_link come here.
    environment.filters["address"] = lambda link: Verbatim(f"<{link}>")
    return environment.get_template("report.md.j2").render(report=report)


def _loader() -> PackageLoader:
    return PackageLoader("rnnbench.report.page", "templates")


def _environment(**options: Any) -> Environment:
    environment = Environment(
        loader=_loader(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.tests["figure"] = lambda block: isinstance(block, Figure)
    return environment


def _data_uri(svg: bytes) -> Markup:
    return Markup("data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii"))


def _shortened(value: object) -> object:
    """Return text as one printable line of bounded length; other values unchanged."""
    return (
        value if isinstance(value, Markup) or not isinstance(value, str) else one_line(value, 2000)
    )


def _markdown_value(value: object) -> object:
    return value if isinstance(value, Verbatim | int) else markdown_text(value, 2000)
