"""Describe exceptions of plugin code: type, message, and the author's line."""

from __future__ import annotations

import pathlib
import traceback

from rnnbench.errors import one_line

_SKIPPED = (
    "rnnbench.contract",
    "rnnbench.metrics",
    "rnnbench.testing",
    "contextlib",
    "importlib",
    "pluggy",
    "pydantic",
    "numpy",
    "torch",
)
"""Modules whose lines are not the author's: the harness and the libraries that it calls."""


def in_words(error: BaseException) -> str:
    """Return ``Type: message`` on one line; the type alone if the message cannot be computed."""
    try:
        text = str(error)
    # the exception may be a plugin's own class, with a __str__ that raises
    except Exception:
        text = ""
    return one_line(f"{type(error).__name__}: {text}".removesuffix(": "))


def place_of(error: BaseException) -> str:
    """Return the author's line as ``" [file.py:12]"``; an empty string if there is none.

    It is the innermost line outside the harness and the libraries that it calls.
    """
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = f"{frame.f_globals.get('__name__', '')}."
        file = frame.f_code.co_filename
        # code that a dataclass generates has no file
        generated = file.startswith("<")
        if not generated and not module.startswith(tuple(f"{name}." for name in _SKIPPED)):
            place = f" [{pathlib.Path(file).name}:{line}]"
    return place
