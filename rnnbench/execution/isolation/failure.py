"""Put an exception into words that can be stored, whatever it is: it may be a plugin's own, and
hostile.
"""

from __future__ import annotations

import traceback

from rnnbench.errors import one_line

TRACEBACK_LIMIT = 64 * 1024
"""Characters of a traceback that are kept: the last ones, where the error is."""


def in_words(error: BaseException) -> str:
    """Return ``Type: text`` on one line, or the type alone when the exception cannot be turned into
    text.
    """
    try:
        text = str(error)
    except Exception:
        text = ""
    return one_line(f"{type(error).__name__}: {text}".removesuffix(": "))


def traceback_of(error: BaseException) -> str:
    """Return the traceback as text that UTF-8 can write, bounded."""
    text = "".join(traceback.format_exception(error))
    return text[-TRACEBACK_LIMIT:].encode(errors="backslashreplace").decode()
