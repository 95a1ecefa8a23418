"""Escape and shorten text from records for Markdown, links and figures."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from rnnbench.errors import one_line

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~$&]")
_STARTS_BLOCK = re.compile(r"[-+#=]+(\s|$)|\d+[.)](\s|$)")
"""A line that begins so would be a list, a heading or a rule."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_CELL_LIMIT = 400


def markdown_text(text: object, limit: int = _CELL_LIMIT) -> str:
    """Return ``text`` as one line that Markdown shows literally, in a table cell too."""
    line = one_line(text, limit)
    escaped = _MARKDOWN.sub(lambda match: _ENTITIES.get(match[0], "\\" + match[0]), line)
    escaped = re.sub(r"(?i)(https?):", r"\1&#58;", escaped)
    escaped = re.sub(r"(?i)\bwww\.", "www&#46;", escaped)
    return (
        re.sub(r"^(\d*)([-+#=.)])", lambda match: f"{match[1]}&#{ord(match[2])};", escaped)
        if _STARTS_BLOCK.match(line)
        else escaped
    )


def code_block(text: str, limit: int = 2000) -> str:
    """Return one line of ``text`` as a fenced Markdown block whose fence the text cannot close."""
    line = one_line(text, limit)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    language = "python" if line.startswith("rnnbench.run(") else "console"
    return f"{fence}{language}\n{line}\n{fence}"


def web_link(url: str) -> str | None:
    """Return ``url`` if it is a plain http(s) address that is safe to link to, else ``None``."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return None
    printable = url.isprintable() and not re.search(r"[\s<>\"'`\\()|]", url)
    return (
        url
        if parts.scheme in ("http", "https") and host and printable and len(url) <= 500
        else None
    )


def figure_text(text: object, limit: int = 48) -> str:
    """Return ``text`` as one short line for a figure."""
    line = one_line(text, limit)
    # Matplotlib leaves a label that begins with an underscore out of the legend.
    return f" {line}" if line.startswith("_") else line
