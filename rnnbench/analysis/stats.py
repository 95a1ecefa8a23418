"""Statistics of few seeds: intervals, paired differences, tests and their power.

The seed is the unit of replication. Everything is deterministic: resampling uses one fixed
generator.

Sources: Efron & Tibshirani 1993 (bootstrap); Hesterberg 2015 (the percentile interval widened for
few observations); Wilson 1927 and Brown, Cai & DasGupta 2001 (binomial intervals); Wilcoxon 1945;
Holm 1979; Kaplan & Meier 1958 (censored medians).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LEVEL = 0.95
"""Nominal level of every interval; tests are at ``1 - LEVEL``."""
RESAMPLES = 10_000
POWER = 0.8
FEWEST_FOR_INTERVAL = 2
FEWEST_FOR_VERDICT = 3
FEWEST_FOR_RANK_TEST = 6
"""The smallest two-sided p-value of a signed-rank test on n pairs is ``2 ** (1 - n)``: below 5 %
from six pairs on.
"""

Floats: TypeAlias = NDArray[np.float64]
Test: TypeAlias = Literal["paired t", "Wilcoxon"]

_SEED = 20_160_704
_MOST_DRAWS = 5_000_000


@dataclass(frozen=True)
class Estimate:
    """A statistic of ``n`` seeds with its interval, if any."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and zero lies outside it."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Paired:
    """Differences between two configurations on the seeds that both have.

    Attributes:
        estimate: mean difference with its bootstrap interval.
        p_value: two-sided, of ``test``, not adjusted for other comparisons; ``None`` with fewer
            than three pairs.
        test: the test that gave the p-value.
        detectable: the smallest true mean difference that this many seeds would have shown with
            probability 0.8.
    """

    estimate: Estimate
    p_value: float | None
    test: Test | None
    detectable: float | None


def mean_interval(values: Sequence[float] | Floats) -> Estimate:
    """Return the mean with a bootstrap percentile interval.

    The interval is widened for few observations (Hesterberg 2015); one value has none. For
    ``n <= 5`` it is nearly the range of the values, and no resampling interval can cover more than
    :func:`most_coverage`.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    sample = _finite(values)
    low, high = (
        _bounds(_weights(len(sample)) @ sample, len(sample))
        if len(sample) >= FEWEST_FOR_INTERVAL
        else (None, None)
    )
    return Estimate(float(sample.mean()), low, high, len(sample))


def most_coverage(n: int) -> float:
    """Return the greatest coverage of an interval inside the range of ``n`` values.

    What is covered is the centre of a symmetric distribution: all values lie on one side of it
    with probability ``2 ** (1 - n)``.
    """
    return 1 - 2.0 ** (1 - n)


def success_rate(successes: int, n: int) -> Estimate:
    """Return the rate with its Wilson interval.

    Raises:
        ValueError: unless ``0 <= successes <= n`` and ``n >= 1``.
    """
    interval = stats.binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), n)


def censored_median(events: Sequence[float | None]) -> float | None:
    """Return the time by which half of the trials had reached the event.

    The result is ``None`` when fewer than half did. ``None`` among ``events`` is a trial that did
    not reach the event; all such trials are censored at one common end. This is the median of
    Kaplan & Meier (1958) with common censoring: the smallest time with at least half of the events.
    """
    if not events:
        raise ValueError("no trials")
    ordered = sorted(math.inf if event is None else event for event in events)
    middle = ordered[math.ceil(len(ordered) / 2) - 1]
    return None if math.isinf(middle) else middle


def paired_differences(a: Mapping[int, float], b: Mapping[int, float]) -> Floats:
    """Return ``b - a`` on the seeds that both have, in the order of the seeds."""
    return np.array([b[seed] - a[seed] for seed in sorted(a.keys() & b.keys())], dtype=np.float64)


def compare_paired(differences: Sequence[float] | Floats, comparisons: int = 1) -> Paired:
    """Judge paired differences, one per seed.

    The test is Wilcoxon's signed-rank test where its smallest possible p-value survives Holm's
    correction for this many ``comparisons``, and otherwise a paired t-test, which assumes normal
    differences.
    """
    sample = _finite(differences)
    estimate = mean_interval(sample)
    n = len(sample)
    if n < FEWEST_FOR_VERDICT:
        return Paired(estimate, None, None, None)
    detectable = _detectable_effect(n) * float(sample.std(ddof=1))
    ranks_suffice = n >= FEWEST_FOR_RANK_TEST and 2.0 ** (1 - n) * comparisons <= 1 - LEVEL
    if ranks_suffice:
        return Paired(estimate, wilcoxon_p(sample), "Wilcoxon", detectable)
    return Paired(estimate, paired_t_p(sample), "paired t", detectable)


def wilcoxon_p(differences: Sequence[float] | Floats) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; 1 if all differences are 0."""
    sample = _finite(differences)
    return float(stats.wilcoxon(sample).pvalue) if np.any(sample) else 1.0


def paired_t_p(differences: Sequence[float] | Floats) -> float:
    """Return the two-sided p-value of a t-test of mean zero.

    Equal differences give 0, or 1 if they are zero.
    """
    sample = _finite(differences)
    spread = float(sample.std(ddof=1))
    # Equal differences, up to rounding, have no t statistic.
    if spread <= 1e-12 * float(np.abs(sample).max(initial=0.0)):
        return 0.0 if np.any(sample) else 1.0
    t = float(sample.mean()) / (spread / math.sqrt(len(sample)))
    return float(2 * stats.t.sf(abs(t), len(sample) - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted by Holm's step-down procedure, in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


@lru_cache(maxsize=256)
def _detectable_effect(n: int) -> float:
    """Return the effect size (mean over standard deviation) detected with probability ``POWER``.

    It is solved for with the noncentral t distribution.
    """
    freedom = n - 1
    critical = float(stats.t.isf((1 - LEVEL) / 2, freedom))

    def shortfall(shift: float) -> float:
        return (
            float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))
            - POWER
        )

    # The root is 5.7 for three pairs and approaches 2.8 for many.
    return float(optimize.brentq(shortfall, 1.0, 8.0)) / math.sqrt(n)


def _finite(values: Sequence[float] | Floats) -> Floats:
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0 or not np.all(np.isfinite(sample)):
        raise ValueError("an estimate needs at least one value, and finite ones only")
    return sample


def _resamples(n: int) -> int:
    return min(RESAMPLES, max(1_000, _MOST_DRAWS // n))


@lru_cache(maxsize=32)
def _weights(n: int) -> Floats:
    """Return the resampling weights, (resamples, n); their product with a sample is the means."""
    rng = np.random.default_rng(_SEED)
    return rng.multinomial(n, np.full(n, 1 / n), size=_resamples(n)).astype(np.float64) / n


def _bounds(statistics: Floats, n: int) -> tuple[float, float]:
    """Return the percentiles at the tail that gives the width of a t interval."""
    tail = float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.isf((1 - LEVEL) / 2, n - 1)))
    low, high = np.quantile(statistics, [tail, 1 - tail])
    return float(low), float(high)
