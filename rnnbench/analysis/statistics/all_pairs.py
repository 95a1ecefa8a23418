"""Differences between all pairs of several samples, tested with one error rate for the family.

A difference counts as shown when two tests agree at 5 %, both corrected over all pairs by the
distribution of the largest statistic:

- Games & Howell 1976: Welch's t of each pair against the studentized range. It assumes normal means
  and lets every sample have its own variance.
- The permutation test of the largest |t| (Westfall & Young 1993): the values are dealt anew to the
  samples, sizes kept. It is exact for samples of one distribution, whatever its shape.

Each fails where the other holds: the first with scores that are all or none, where the variance of
a few equal values is near zero; the second where variances differ. The larger p-value holds in both
worlds, and costs little power; docs/statistics.md has the simulations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import stats

from rnnbench.analysis.statistics import studentized_range
from rnnbench.analysis.statistics.intervals import LEVEL, Estimate, Floats, finite

FEWEST_FOR_VERDICT = 4
"""With fewer values in each of two samples, no permutation test reaches 5 %: of the
``C(2n, n)`` ways to deal them, two are the most extreme, 2 of 20 for n = 3 and 2 of 70 for n = 4.
"""
POWER = 0.8
MOST_SEEDS = 1_000
"""A larger number of seeds is not computed."""

PERMUTATIONS = 4_999
_FEWEST_PERMUTATIONS = 999
_MOST_WORK = 5_000_000
_SEED = 20_191_025
_DIVERGENT = 1e9
"""Stands for the t of different means without variance."""


@dataclass(frozen=True)
class Difference:
    """The difference of two means of a family, and how sure it is.

    Attributes:
        estimate: the difference, with an interval that holds for all pairs of the family at once
            (Games & Howell 1976); ``n`` is the smaller sample.
        p_value: the larger p-value of the two tests, corrected over the family.
        detectable: the true difference that the rule shows with probability 0.8 at the spread that
            was observed; at least the observed difference, where that is not shown.
        seeds_needed: values per sample with which a difference as observed, or the equivalence
            within the margin, is shown with probability 0.8; ``None`` above ``MOST_SEEDS``.
    """

    estimate: Estimate
    p_value: float
    detectable: float
    seeds_needed: int | None

    @property
    def shown(self) -> bool:
        """Whether the difference is shown at the family's error rate."""
        return self.p_value <= 1 - LEVEL

    def within(self, margin: float) -> bool:
        """Whether the interval lies inside ``(-margin, margin)``."""
        low, high = self.estimate.low, self.estimate.high
        return low is not None and high is not None and -margin < low and high < margin


class AllPairs:
    """The family of all pairs of several samples.

    Args:
        samples: at least two, each of at least two finite values.
        margin: the smallest difference of interest, in units of the values.
        families: number of families whose errors are held together, e.g. the tasks on which one
            pair of models is compared.
        permutations: number of permutations to draw, where they are too many to enumerate.
    """

    def __init__(
        self,
        samples: Sequence[Sequence[float] | Floats],
        margin: float = 0.0,
        families: int = 1,
        permutations: int = PERMUTATIONS,
    ) -> None:
        self.samples = [finite(sample) for sample in samples]
        self.margin = margin
        self.families = families
        self.permutations = permutations
        self._n = np.array([len(sample) for sample in self.samples])
        self._mean = np.array([sample.mean() for sample in self.samples])
        self._error = np.array([sample.var(ddof=1) / len(sample) for sample in self.samples])
        # Equal values differ by rounding.
        self._scale = max(float(np.abs(sample).max()) for sample in self.samples)

    @cached_property
    def largest_by_chance(self) -> Floats:
        """The largest |t| over all pairs under permutations of the values, in rising order."""
        pooled = np.concatenate(self.samples)
        largest: Floats = np.sort(
            np.concatenate([self._largest(pooled[deal]) for deal in self._deals(len(pooled))])
        )
        return largest

    def statistic(self, a: int, b: int) -> tuple[float, float]:
        """Return Welch's |t| of two samples and its degrees of freedom."""
        t, freedom = _welch(
            np.abs(self._mean[b] - self._mean[a]),
            self._error[a],
            self._error[b],
            self._n[a] - 1,
            self._n[b] - 1,
            self._scale,
        )
        return float(t), float(freedom)

    def p_value(self, a: int, b: int, others: Sequence[AllPairs] = ()) -> float:
        """Return the larger p-value of the two tests, corrected over the family.

        Args:
            a: place of a sample.
            b: place of another.
            others: the other families, where errors are held over several.
        """
        t, freedom = self.statistic(a, b)
        none_larger = math.prod(1 - family.chance_of(t) for family in (self, *others))
        if t >= _DIVERGENT:
            return 1 - none_larger
        q = t * math.sqrt(2)
        games_howell = float(studentized_range.tail(q, len(self.samples), freedom))
        return max(1 - (1 - games_howell) ** self.families, 1 - none_larger)

    def difference(self, a: int, b: int, others: Sequence[AllPairs] = ()) -> Difference:
        """Return the difference ``b - a`` of two samples; arguments as of :meth:`p_value`."""
        _, freedom = self.statistic(a, b)
        root = math.sqrt(float(self._error[a] + self._error[b]))
        value = float(self._mean[b] - self._mean[a])
        n = int(min(self._n[a], self._n[b]))
        critical = self._critical(freedom)
        detectable = self.detectable_at(a, b, root)
        p_value = self.p_value(a, b, others)
        return Difference(
            Estimate(value, value - critical * root, value + critical * root, n),
            p_value,
            detectable if p_value <= 1 - LEVEL else max(detectable, abs(value)),
            self._seeds_needed(abs(value), root, freedom, n),
        )

    def detectable_at(self, a: int, b: int, standard_error: float) -> float:
        """Return the true difference that is shown with probability ``POWER``.

        Args:
            a: place of a sample.
            b: place of another.
            standard_error: of the difference of their means.
        """
        _, freedom = self.statistic(a, b)
        critical = self._critical(freedom)
        # Equal values give divergent statistics, which say nothing about what could be detected.
        threshold = max(critical, min(self._critical_by_permutation, 2 * critical))
        return float((threshold + stats.t.isf(1 - POWER, freedom)) * standard_error)

    @property
    def _alpha(self) -> float:
        """The error rate of this family, so that all families together have that of the level."""
        return float(1 - LEVEL ** (1 / self.families))

    def _critical(self, freedom: float) -> float:
        q = studentized_range.critical(self._alpha, len(self.samples), _rounded(freedom))
        return float(q) / math.sqrt(2)

    @property
    def _critical_by_permutation(self) -> float:
        by_chance = self.largest_by_chance
        return float(by_chance[math.ceil((1 - self._alpha) * len(by_chance)) - 1])

    def chance_of(self, t: float) -> float:
        """Return the share of permutations whose largest |t| is at least ``t``."""
        at_least = len(self.largest_by_chance) - int(
            np.searchsorted(self.largest_by_chance, t * (1 - 1e-9))
        )
        # The identity is one of the enumerated permutations, and is added to drawn ones.
        drawn = self._enumerated is None
        return (at_least + drawn) / (len(self.largest_by_chance) + drawn)

    @cached_property
    def _enumerated(self) -> Floats | None:
        """All ways to deal the values to two samples, if they are few."""
        first, values = int(self._n[0]), int(self._n.sum())
        if len(self.samples) != 2 or math.comb(values, first) > self.permutations:
            return None
        return _ways_to_deal(first, values)

    def _deals(self, values: int) -> Sequence[Floats]:
        """Return permutations of the places of all values, in blocks (permutations, values)."""
        if self._enumerated is not None:
            return [self._enumerated]
        pairs = len(self.samples) * (len(self.samples) - 1) // 2
        affordable = max(_FEWEST_PERMUTATIONS, _MOST_WORK // (pairs + values))
        count = min(self.permutations, affordable)
        rng = np.random.default_rng(_SEED)
        block = max(1, 2_000_000 // (pairs + values))
        return [
            rng.permuted(np.tile(np.arange(values), (min(block, count - done), 1)), axis=1)
            for done in range(0, count, block)
        ]

    def _largest(self, dealt: Floats) -> Floats:
        """Return the largest |t| over all pairs of each row of dealt values."""
        ends = np.cumsum(self._n)
        groups = [dealt[:, end - n : end] for end, n in zip(ends, self._n, strict=True)]
        means = np.stack([group.mean(axis=1) for group in groups])
        errors = np.stack([group.var(axis=1, ddof=1) / group.shape[1] for group in groups])
        first, second = np.triu_indices(len(groups), 1)
        t, _ = _welch(
            np.abs(means[second] - means[first]),
            errors[first],
            errors[second],
            (self._n[first] - 1)[:, None],
            (self._n[second] - 1)[:, None],
            self._scale,
        )
        largest: Floats = t.max(axis=0)
        return largest

    def _seeds_needed(self, distance: float, root: float, freedom: float, n: int) -> int | None:
        """Return the least sample size that shows the difference, or its equivalence."""
        target = max(distance, self.margin - distance)
        if target <= 0:
            return None
        quantile = stats.norm.isf(1 - POWER)

        def enough(size: int) -> bool:
            critical = self._critical(freedom * (size - 1) / (n - 1))
            return bool((critical + quantile) * root * math.sqrt(n / size) <= target)

        low, high = FEWEST_FOR_VERDICT - 1, MOST_SEEDS
        if not enough(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high


@lru_cache(maxsize=32)
def _ways_to_deal(first: int, values: int) -> Floats:
    """Return all ways to deal the places of ``values``: ``first`` of them, then the rest."""
    ways = np.array(list(itertools.combinations(range(values), first)))
    taken = np.zeros((len(ways), values), dtype=bool)
    taken[np.arange(len(ways))[:, None], ways] = True
    rest = np.nonzero(~taken)[1].reshape(len(ways), values - first)
    return np.concatenate([ways, rest], axis=1)


def _welch(
    distance: Floats,
    error_a: Floats,
    error_b: Floats,
    freedom_a: Floats,
    freedom_b: Floats,
    scale: float,
) -> tuple[Floats, Floats]:
    """Return Welch's |t| and degrees of freedom; t is 0 for equal means without variance."""
    variance = error_a + error_b
    none = variance <= (1e-12 * scale) ** 2
    safe = np.where(none, 1.0, variance)
    t = np.where(
        distance <= 1e-12 * scale, 0.0, np.where(none, _DIVERGENT, distance / np.sqrt(safe))
    )
    freedom = np.where(
        none,
        np.minimum(freedom_a, freedom_b),
        safe**2 / np.where(none, 1.0, error_a**2 / freedom_a + error_b**2 / freedom_b),
    )
    return t, freedom


def _rounded(freedom: float) -> float:
    """Return degrees of freedom to three digits, so that critical values are found again."""
    return float(f"{max(freedom, 1.0):.3g}")
