"""``rnnbench info``: one model or task in full."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.contract.options import unwrapped

if TYPE_CHECKING:
    from rnnbench.contract.entries import RegisteredModel, RegisteredTask
    from rnnbench.contract.task import Preset

INFO_EXAMPLES = """\b
Examples:
  rnnbench info lstm
  rnnbench info copy-memory
"""
_LINE_LIMIT = 160
_ROLES = re.compile(r":[a-z]+:`~?([^`]*)`")


@click.command(cls=Command, epilog=INFO_EXAMPLES)
@click.argument("name")
def info(name: str) -> None:
    """Show a model or a task: equations, options, presets and sources.

    The text is that of its author, from the docstrings of its module and its class.
    """
    from rnnbench.contract import registry

    member = registry.load().member(name)
    for line in (*_heading(member), *_texts(member), *_options(member), *_sources(member)):
        echo(line)


def _heading(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    from rnnbench.contract.entries import RegisteredModel

    words = [member.kind]
    if isinstance(member, RegisteredModel):
        words += [f"family {member.family}"] if member.family else []
        words += ["causal" if member.causal else "looks ahead"]
    provider = f"{member.provider.distribution} {member.provider.version}"
    yield f"{member.name}: {', '.join(words)} ({provider})"


def _texts(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    """Yield the docstrings of module and class, as text for a terminal."""
    target = unwrapped(member.factory)
    module = sys.modules.get(getattr(target, "__module__", ""))
    for source in (module, target):
        text = inspect.getdoc(source) if source is not None else None
        # a class without a docstring has that of its base
        if text and (not isinstance(source, type) or vars(source).get("__doc__")):
            yield ""
            yield from (_plain(line) for line in text.splitlines())


def _plain(line: str) -> str:
    """Return a line of a docstring without the marks of reStructuredText."""
    line = _ROLES.sub(r"\1", line).replace("``", "")
    line = re.sub(r"::\s*$", ":", line)
    shown = "".join(each if each.isprintable() else "?" for each in line)
    return shown if len(shown) <= _LINE_LIMIT else f"{shown[: _LINE_LIMIT - 3]}..."


def _options(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    from rnnbench.contract.entries import RegisteredTask
    from rnnbench.records.syntax import option_text

    if member.options:
        yield ""
        yield "options:"
        rows = [
            (f"{each.name}={option_text(each.default)}", each.accepts)
            for each in member.options.values()
        ]
        width = max(len(left) for left, _ in rows)
        yield from (f"  {left:{width}}  {right}" for left, right in rows)
    if isinstance(member, RegisteredTask) and member.factory.presets:
        yield ""
        yield "presets:"
        yield from (f"  {name}: {_preset(each)}" for name, each in member.factory.presets.items())


def _preset(preset: Preset) -> str:
    from rnnbench.records.syntax import option_text

    given = {**preset.options, **preset.settings}
    return ", ".join(f"{name}={option_text(value)}" for name, value in given.items()) or "defaults"


def _sources(member: RegisteredModel | RegisteredTask) -> Iterator[str]:
    if member.citations:
        yield ""
        yield "sources:"
        for each in member.citations:
            venue = f" {each.venue}." if each.venue else ""
            end = "" if each.title.endswith("?") else "."
            yield f"  {each.key}. {each.title}{end}{venue} {each.url}".rstrip()
