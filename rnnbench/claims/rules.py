"""Decision rules: the effects with which a claim holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Above:
    """The claim holds if the effect is above ``bound``."""

    bound: float

    def __contains__(self, effect: float) -> bool:
        return effect > self.bound

    def __str__(self) -> str:
        return f"above {self.bound:g}"


@dataclass(frozen=True)
class Below:
    """The claim holds if the effect is below ``bound``."""

    bound: float

    def __contains__(self, effect: float) -> bool:
        return effect < self.bound

    def __str__(self) -> str:
        return f"below {self.bound:g}"


@dataclass(frozen=True)
class Between:
    """The claim holds if the effect is between ``low`` and ``high``."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"Between({self.low}, {self.high}): the first must be the smaller one")

    def __contains__(self, effect: float) -> bool:
        return self.low < effect < self.high

    def __str__(self) -> str:
        return f"between {self.low:g} and {self.high:g}"


Rule: TypeAlias = Above | Below | Between
