"""How a claim is decided: two one-sided tests, Holm over the suite, and the seeds that would do.

A rule divides the effects into a region in which the claim holds and the rest. ``supported`` is
shown by rejecting every effect outside the region, ``contradicted`` by rejecting every effect
inside it; both at one level, held over all claims of a suite by Holm's correction (1979). For a
region with one bound this is a two-sided t test of that bound. For a region between two bounds,
support is the test of equivalence of Schuirmann (1987), which needs both one-sided tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from scipy import special, stats

from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.analysis.statistics.solving import holm
from rnnbench.claims.effects import Estimate
from rnnbench.claims.rules import Above, Below, Rule

Verdict: TypeAlias = Literal["supported", "contradicted", "undecided"]
POWER = 0.8
MOST_SEEDS = 10_000
"""Above this number of seeds a claim is said to be out of reach, not to need them."""


@dataclass(frozen=True)
class PValues:
    """The p-values of both tests, not corrected for the number of claims."""

    supported: float
    contradicted: float

    @property
    def two_sided(self) -> float:
        """The p-value of the claim, which is decided towards the smaller of the two."""
        return min(1.0, 2 * min(self.supported, self.contradicted))

    @property
    def towards(self) -> Verdict:
        """The verdict that the claim gets if its p-value is small enough."""
        return "supported" if self.supported < self.contradicted else "contradicted"


def p_values(estimate: Estimate, rule: Rule) -> PValues:
    """Return the p-values of an effect under a rule."""
    if isinstance(rule, Above):
        over = _p_not_above(estimate, rule.bound)
        return PValues(over, 1 - over)
    if isinstance(rule, Below):
        over = _p_not_above(estimate, rule.bound)
        return PValues(1 - over, over)
    above_low, above_high = (_p_not_above(estimate, bound) for bound in (rule.low, rule.high))
    inside = max(above_low, 1 - above_high)
    outside = min(1.0, 2 * min(1 - above_low, above_high))
    return PValues(inside, outside)


def _p_not_above(estimate: Estimate, bound: float) -> float:
    """Return the one-sided p-value of the hypothesis that the effect is at most ``bound``."""
    distance = estimate.value - estimate.into(bound)
    if estimate.error == 0:
        return 0.0 if distance > 0 else 1.0 if distance < 0 else 0.5
    if math.isinf(estimate.error):
        return 0.5
    return _tail(distance / estimate.error, _freedom(estimate))


def _tail(t: float, freedom: float) -> float:
    """Return the probability above ``t``; stats.t.sf takes ten times as long to dispatch."""
    return float(special.stdtr(freedom, -t) if math.isfinite(freedom) else special.ndtr(-t))


def _freedom(estimate: Estimate) -> float:
    # scipy takes infinity, and not a huge number, for the normal distribution
    return math.inf if estimate.freedom > 1e6 else estimate.freedom


@dataclass(frozen=True)
class Interval:
    """The limits of an effect at ``LEVEL``, in its own unit, for this claim alone."""

    low: float
    high: float


def interval(estimate: Estimate) -> Interval:
    """Return Student's interval, computed on the scale of the effect."""
    if estimate.error == 0:
        return Interval(estimate.effect, estimate.effect)
    if math.isinf(estimate.error):
        return Interval(-math.inf, math.inf)
    half = float(stats.t.isf((1 - LEVEL) / 2, _freedom(estimate))) * estimate.error
    return Interval(estimate.out(estimate.value - half), estimate.out(estimate.value + half))


def corrected(raw: Sequence[float]) -> list[float]:
    """Return p-values with Holm's correction over all claims of a suite."""
    return [float(value) for value in holm(list(raw))]


@lru_cache(maxsize=1024)
def seeds_needed(estimate: Estimate, rule: Rule, claims: int) -> int | None:
    """Return the seeds of each group with which the claim is decided with probability 0.8.

    The effect and the spread seen are taken as the true ones, and the level as that of the
    strictest test, ``(1 - LEVEL) / claims``.

    Returns:
        The number of seeds; ``None`` where the number is above ``MOST_SEEDS`` or none would do.
    """
    if not 0 < estimate.error < math.inf or estimate.count < 2:
        return None
    low = estimate.count + 1
    if _power(estimate, rule, MOST_SEEDS, claims) < POWER:
        return None
    high = MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if _power(estimate, rule, middle, claims) >= POWER else (middle + 1, high)
        )
    return low


def _power(estimate: Estimate, rule: Rule, seeds: int, claims: int) -> float:
    """Return the probability that the claim is decided towards the side that the effect is on."""
    error = estimate.error * math.sqrt(estimate.count / seeds)
    freedom = max(1.0, estimate.freedom * (seeds - 1) / (estimate.count - 1))
    if freedom > 1e6:
        freedom = 1e6
    level = (1 - LEVEL) / claims / 2
    inside = estimate.effect in rule
    # far from zero the noncentral t is close to a shifted one, which never loses its digits
    critical = float(stats.t.isf(level, freedom)) * error

    def beyond(distance: float) -> float:
        return _tail((critical - distance) / error, freedom)

    if isinstance(rule, Above | Below):
        return beyond(abs(estimate.value - estimate.into(rule.bound)))
    low, high = estimate.into(rule.low), estimate.into(rule.high)
    if inside:
        to_low, to_high = beyond(estimate.value - low), beyond(high - estimate.value)
        return max(0.0, to_low + to_high - 1)
    distance = max(low - estimate.value, estimate.value - high)
    critical = float(stats.t.isf(level / 2, freedom)) * error
    return beyond(distance)
