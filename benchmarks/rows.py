"""What a benchmark says: one target, what was measured, and whether the one meets the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

NOISY = 0.15
"""Interquartile range of the pairs' ratios, relative to their median, from which a ratio is called
noisy.
"""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        target: the figure asked for, in words; empty where none is.
        measured: the figure found; ``None`` where it could not be measured, and ``note`` says why.
        unit: of the figure: ``"x"`` for a ratio.
        passed: whether the target was met; ``None`` where there is none.
        note: how it was measured, what belongs beside it.
    """

    name: str
    target: str
    measured: float | None
    unit: str
    passed: bool | None
    note: str = ""


def at_most(name: str, limit: float, measured: float, unit: str, note: str = "") -> Row:
    """Return a row whose figure must not exceed ``limit``."""
    return Row(name, f"at most {limit:g} {unit}", measured, unit, measured <= limit, note)


def at_least(name: str, limit: float, measured: float, unit: str, note: str = "") -> Row:
    """Return a row whose figure must reach ``limit``."""
    return Row(name, f"at least {limit:g} {unit}", measured, unit, measured >= limit, note)


def context(name: str, measured: float, unit: str, note: str = "") -> Row:
    """Return a row without a target."""
    return Row(name, "", measured, unit, None, note)


def unmeasured(name: str, why: str) -> Row:
    """Return a row for what this machine cannot measure."""
    return Row(name, "", None, "", None, why)


@dataclass(frozen=True)
class Ratio:
    """Of two things measured in turn, A B A B: the ratio within each pair, so that what slows both
    cancels.
    """

    pairs: Sequence[tuple[float, float]]

    @property
    def each(self) -> list[float]:
        """A over B, sorted."""
        return sorted(a / b for a, b in self.pairs)

    @property
    def median(self) -> float:
        """The middle ratio."""
        return median(self.each)

    @property
    def note(self) -> str:
        """How far the pairs lie apart, in words."""
        each = self.each
        low, high = each[len(each) // 4], each[-1 - len(each) // 4]
        noisy = "; noisy" if high - low > NOISY * self.median else ""
        return f"median of {len(each)} pairs, half of them in {low:.3g} to {high:.3g}{noisy}"
