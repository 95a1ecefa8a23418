"""Rows of the result: a target, its measurement, and whether the target was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

NOISY = 0.15
"""Interquartile range of the pairs' ratios, over the median, above which a ratio is noisy."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: the quantity.
        target: its required value, in words; empty if there is none.
        measured: its value; ``None`` if it could not be measured, and ``note`` states why.
        unit: its unit, ``"x"`` for a ratio.
        passed: whether the target was met; ``None`` if there is none.
        note: how it was measured.
    """

    name: str
    target: str
    measured: float | None
    unit: str
    passed: bool | None
    note: str = ""


def at_most(name: str, limit: float, measured: float, unit: str, note: str = "") -> Row:
    """Return a row whose value must not exceed ``limit``."""
    return Row(name, f"at most {limit:g} {unit}", measured, unit, measured <= limit, note)


def at_least(name: str, limit: float, measured: float, unit: str, note: str = "") -> Row:
    """Return a row whose value must reach ``limit``."""
    return Row(name, f"at least {limit:g} {unit}", measured, unit, measured >= limit, note)


def context(name: str, measured: float, unit: str, note: str = "") -> Row:
    """Return a row without a target."""
    return Row(name, "", measured, unit, None, note)


def unmeasured(name: str, why: str) -> Row:
    """Return a row for a quantity that this machine cannot measure."""
    return Row(name, "", None, "", None, why)


@dataclass(frozen=True)
class Ratio:
    """The ratio of two quantities measured in turn, A B A B.

    It is taken within each pair, so that a disturbance that slows both cancels.
    """

    pairs: Sequence[tuple[float, float]]

    @property
    def each(self) -> list[float]:
        """The ratios A/B of the pairs, sorted."""
        return sorted(a / b for a, b in self.pairs)

    @property
    def median(self) -> float:
        """The median ratio."""
        return median(self.each)

    @property
    def note(self) -> str:
        """The scatter of the pairs, in words."""
        each = self.each
        low, high = each[len(each) // 4], each[-1 - len(each) // 4]
        noisy = "; noisy" if high - low > NOISY * self.median else ""
        return f"median of {len(each)} pairs, half of them in {low:.3g} to {high:.3g}{noisy}"
