"""Effects: one number with its standard error, computed from the measurements of groups of trials.

A contrast is a weighted sum of the groups' means. A difference, a ratio (a difference of
logarithms) and a slope over groups (least squares) are contrasts. Its standard error needs no equal
variances, and its degrees of freedom are those of Satterthwaite (1946), as in Welch's test (1947).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

Scale: TypeAlias = Literal["identity", "log"]


@dataclass(frozen=True)
class Moments:
    """The mean of a group's measurements and how well it is known.

    Attributes:
        mean: on the scale of the effect, e.g. a mean of logarithms.
        error: standard error of the mean; 0 for a quantity without chance, e.g. a count.
        freedom: degrees of freedom of the error; infinite where it is known.
        count: number of trials.
    """

    mean: float
    error: float
    freedom: float
    count: int


@dataclass(frozen=True)
class Estimate:
    """An effect.

    Attributes:
        value: on the scale of the effect.
        error: its standard error on that scale; 0 for a quantity without chance.
        freedom: degrees of freedom of the error.
        scale: ``log``: the effect is ``exp(value)``.
        count: trials of the group that has fewest.
    """

    value: float
    error: float
    freedom: float
    scale: Scale
    count: int

    @property
    def effect(self) -> float:
        """The effect in its own unit."""
        return self.out(self.value)

    def out(self, value: float) -> float:
        """Return a value of the scale in the effect's own unit."""
        if self.scale == "identity":
            return value
        return math.exp(value) if value < 700 else math.inf

    def into(self, effect: float) -> float:
        """Return an effect on the scale; minus infinity for one that no logarithm has."""
        if self.scale == "identity":
            return effect
        return math.log(effect) if effect > 0 else -math.inf


class Effect(Protocol):
    """How an effect is computed from the measurements of groups of trials."""

    @property
    def unit(self) -> str:
        """What the number is, in words, e.g. ``skill of lstm minus skill of rnn``."""

    @property
    def scale(self) -> Scale:
        """The scale on which measurements are averaged."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups that it needs."""

    def estimate(self, groups: Mapping[str, Moments]) -> Estimate:
        """Return the effect; the groups have at least two trials each, or an error of 0."""


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of the groups' means.

    Attributes:
        weights: by group.
        unit: what the number is, in words.
        scale: ``log``: means are of logarithms, and the effect is the exponential of the sum.
    """

    weights: Mapping[str, float]
    unit: str
    scale: Scale = "identity"
    groups: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.weights or not any(self.weights.values()):
            raise ValueError("a contrast needs a group with a weight other than 0")
        object.__setattr__(self, "groups", tuple(self.weights))

    def estimate(self, groups: Mapping[str, Moments]) -> Estimate:
        """Return the weighted sum with its standard error."""
        value = sum(weight * groups[name].mean for name, weight in self.weights.items())
        terms = {name: (weight * groups[name].error) ** 2 for name, weight in self.weights.items()}
        variance = sum(terms.values())
        spread = sum(
            term**2 / groups[name].freedom
            for name, term in terms.items()
            if term and not math.isinf(groups[name].freedom)
        )
        freedom = variance**2 / spread if spread else math.inf
        count = min(groups[name].count for name in self.groups)
        return Estimate(value, math.sqrt(variance), freedom, self.scale, count)


@dataclass(frozen=True)
class Slope(Contrast):
    """The least-squares slope of the groups' means over a number of each group; see :func:`slope`.

    Attributes:
        places: the number of each group.
        over: name of these numbers, for the axis of a figure.
        of_logs: whether the slope is over their logarithms.
    """

    places: Mapping[str, float] = field(default_factory=dict)
    over: str = ""
    of_logs: bool = False


def mean(group: str, unit: str, *, scale: Scale = "identity") -> Contrast:
    """Return the mean of one group; with ``scale="log"`` its geometric mean."""
    return Contrast({group: 1.0}, unit, scale)


def difference(a: str, b: str, unit: str) -> Contrast:
    """Return the mean of group ``a`` minus that of group ``b``."""
    return Contrast({a: 1.0, b: -1.0}, unit)


def ratio(a: str, b: str, unit: str) -> Contrast:
    """Return the geometric mean of group ``a`` over that of group ``b``."""
    return Contrast({a: 1.0, b: -1.0}, unit, "log")


def slope(
    places: Mapping[str, float], unit: str, *, over: str = "", of_logs: bool = False
) -> Slope:
    """Return the least-squares slope of the groups' means over a number of each group.

    Args:
        places: the number of each group, at least two different ones.
        unit: what the slope is, in words.
        over: name of the numbers, for the axis of a figure.
        of_logs: take the logarithm of the numbers here; the measure takes that of measurements
            (:attr:`rnnbench.claims.Measure.logarithmic`), which gives an exponent.

    Raises:
        ValueError: fewer than two different numbers.
    """
    x = {name: math.log(value) if of_logs else float(value) for name, value in places.items()}
    centre = sum(x.values()) / max(1, len(x))
    squares = sum((value - centre) ** 2 for value in x.values())
    if not squares:
        raise ValueError("a slope needs groups at two different places at least")
    weights = {name: (value - centre) / squares for name, value in x.items()}
    return Slope(weights, unit, places=dict(places), over=over, of_logs=of_logs)
