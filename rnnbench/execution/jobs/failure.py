"""Text of an exception that a plugin raised; such an exception may be hostile."""

from __future__ import annotations

import traceback

from rnnbench.errors import one_line

TRACEBACK_LIMIT = 64 * 1024
"""Characters of a traceback that are kept: the last ones, where the error is."""


def in_words(error: BaseException) -> str:
    """Return ``Type: text`` on one line; the type alone if the exception has no usable text."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return one_line(f"{type(error).__name__}: {text}".removesuffix(": "))


def traceback_of(error: BaseException) -> str:
    """Return the traceback as bounded text that can be encoded as UTF-8."""
    text = "".join(traceback.format_exception(error))
    return text[-TRACEBACK_LIMIT:].encode(errors="backslashreplace").decode()
