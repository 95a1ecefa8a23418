"""Shards: fixed parts of a plan, which run anywhere and are merged afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rnnbench.errors import UsageError, one_line

_SHARD = re.compile(r"(\d{1,7})\s*/\s*(\d{1,7})", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """One part of several of about equal size.

    Attributes:
        number: from 1.
        of: the number of parts.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, key: str) -> bool:
        """Return whether the part holds the trials of a key, a hexadecimal hash.

        The parts never overlap and hold every key, whatever else is planned.
        """
        return int(key, 16) % self.of == self.number - 1


def parse_shard(text: str) -> Shard:
    """Return the part that ``3/16`` names.

    Raises:
        UsageError: no such text, or a part such as 0/4 or 5/4.
    """
    match = _SHARD.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--shard {one_line(text, 40)!r} is not a part such as 3/16, the third of sixteen."
        )
    number, of = int(match[1]), int(match[2])
    if not 1 <= number <= of:
        raise UsageError(
            f"--shard {one_line(text, 40)}: the parts of {of:,} are "
            + (f"1/{of} to {of}/{of}." if of else "none; type e.g. --shard 1/2.")
        )
    return Shard(number, of)
