"""Output in encodings that lack some characters: plain ones take their place."""

from __future__ import annotations

import codecs
import contextlib
import io
import sys
from collections.abc import Iterator

ERRORS = "rnnbench.plain"
"""Name of the error handler for ``str.encode`` and text streams."""

PLAIN = {
    "×": "x",
    "÷": "/",
    "·": "-",
    "•": "*",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "‑": "-",
    "±": "+-",
    "∞": "inf",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "≠": "!=",
    "→": "->",
    "←": "<-",
    "†": "*",
    "‡": "**",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "\N{REPLACEMENT CHARACTER}": "?",
    "²": "^2",
    "°": " deg",
    "µ": "u",
    "μ": "u",
    "√": "sqrt",
    "█": "#",
    "│": "|",
    "─": "-",
    "━": "-",
    "╸": "-",
    "╺": "-",
}
"""What is written in place of a character that an encoding lacks; an escape for any other."""


def plain(text: str, encoding: str | None) -> str:
    r"""Return ``text`` with the characters that an encoding lacks replaced.

    Those of :data:`PLAIN` have a replacement; any other becomes an escape such as ``\xe9``.
    Laying out a table after this keeps its columns straight.

    Args:
        text: any text.
        encoding: its name; ``None`` or an unknown one: UTF-8.
    """
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        encoding = None
    return text.encode(encoding or "utf-8", ERRORS).decode(encoding or "utf-8")


def write_plainly() -> list[tuple[io.TextIOWrapper, str | None]]:
    """Make stdout and stderr write :data:`PLAIN` characters in place of those that they lack.

    A stream that is not a text file of its own (in a notebook, in a test) is left as it is.

    Returns:
        The changed streams, each with its former error handler.
    """
    changed = []
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            changed.append((stream, stream.errors))
            stream.reconfigure(errors=ERRORS)
    return changed


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """Call :func:`write_plainly`, and restore the streams after the block."""
    changed = write_plainly()
    try:
        yield
    finally:
        for stream, errors in changed:
            if not stream.closed:
                stream.reconfigure(errors=errors)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(each) or _escape(each) for each in lacking), error.end


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(ERRORS, _replace)
