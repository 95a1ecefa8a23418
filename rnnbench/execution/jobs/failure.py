"""Tracebacks as bounded text that can be stored."""

from __future__ import annotations

import traceback

TRACEBACK_LIMIT = 64 * 1024
"""Characters of a traceback that are kept: the last ones, where the error is."""


def traceback_of(error: BaseException) -> str:
    """Return the traceback as bounded text that can be encoded as UTF-8."""
    text = "".join(traceback.format_exception(error))
    return text[-TRACEBACK_LIMIT:].encode(errors="backslashreplace").decode()
