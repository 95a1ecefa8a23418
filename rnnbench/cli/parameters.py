"""Types and options that several commands share."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click

from rnnbench.errors import UsageError, one_line

STORE_VARIABLE = "RNNBENCH_STORE"
DEFAULT_STORE = "rnnbench.db"
LOG_WIDTH = 140
"""Columns of the tables in a log file, where no terminal says how wide it is."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])i?)?B?", re.IGNORECASE | re.ASCII)
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_MOST_BYTES = 1 << 62
"""More than any machine has, and less than the system's own word for no limit."""


class Duration(click.ParamType[float]):
    """Seconds, or a number with s, m, h or d."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value).strip())
        seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else 0.0
        if not 0 < seconds < math.inf:
            self.fail(f"{_shown(value)} is not a duration such as 90, 90s, 10m or 2h.", param, ctx)
        return seconds


class Bytes(click.ParamType[int]):
    """A number of bytes, with K, M, G or T for powers of 1024."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        if isinstance(value, int):
            return value
        match = _BYTES_TEXT.fullmatch(str(value).strip())
        size = float(match[1]) * _BYTES[(match[2] or "").upper()] if match else 0.0
        if not 1 <= size < _MOST_BYTES:
            self.fail(f"{_shown(value)} is not a size such as 500M or 4G.", param, ctx)
        return int(size)


class CountOrAuto(click.ParamType[int | None]):
    """A whole number from 1, or ``auto`` (``None``)."""

    name = "number|auto"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Return the number, or ``None`` for auto."""
        if isinstance(value, int) or value == "auto":
            return None if value == "auto" else value
        if not re.fullmatch(r"0*[1-9][0-9]{0,8}", str(value)):
            self.fail(f"{_shown(value)} is neither a whole number from 1 nor auto.", param, ctx)
        return int(value)


class NumberOrNone(click.ParamType[float | str]):
    """A number, or ``none``; the word itself is returned, since click takes ``None`` for an option
    that was not given.
    """

    name = "number|none"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return the number, or ``"none"``."""
        try:
            return "none" if value == "none" else float(value)
        except ValueError:
            self.fail(f"{_shown(value)} is neither a number nor none.", param, ctx)


store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    envvar=STORE_VARIABLE,
    default=DEFAULT_STORE,
    show_default=True,
    show_envvar=True,
    help="The SQLite file with the records.",
)


def parse_seeds(text: str | None) -> int | list[int] | None:
    """Read ``5`` as a count and ``0,1,7`` as the seeds themselves."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[0-9]{1,10}", part) for part in parts):
        raise UsageError(
            f"--seeds {_shown(text)} is neither a count such as 5 nor a list such as 0,1,7."
        )
    return int(parts[0]) if len(parts) == 1 and "," not in text else [int(part) for part in parts]


def _shown(value: object) -> str:
    return repr(one_line(value, 60))
