"""Intervals of one quantity: a mean over seeds, a rate, a median of censored times.

The seed is the unit of replication. Everything is deterministic: resampling uses one fixed
generator.

Sources: Efron 1987 (the bias-corrected and accelerated bootstrap); Hesterberg 2015 (bootstrap
intervals widened for few observations); Zou & Donner 2008 (limits of a sum from the limits of its
parts); Wilson 1927 and Brown, Cai & DasGupta 2001 (binomial intervals); Kaplan & Meier 1958
(censored medians).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
"""Nominal level of every interval; tests are at ``1 - LEVEL``."""
RESAMPLES = 10_000
FEWEST_FOR_INTERVAL = 2
FEWEST_FOR_BOOTSTRAP = 6
"""Below this number of seeds an interval is Student's: resampling so few values covers too little.
"""

Floats: TypeAlias = NDArray[np.float64]

_SEED = 20_160_704
_MOST_DRAWS = 5_000_000


@dataclass(frozen=True)
class Estimate:
    """A statistic of ``n`` seeds with its interval, if any."""

    value: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float] | Floats) -> Estimate:
    """Return the mean with an interval at ``LEVEL``; one value has none.

    Below six values it is Student's t interval. From six on it is the bias-corrected and
    accelerated bootstrap interval (Efron 1987), whose tails are widened as a t interval is wider
    than a normal one (Hesterberg 2015).

    Raises:
        ValueError: no value, or one that is not finite.
    """
    sample = finite(values)
    n = len(sample)
    mean = float(sample.mean())
    if n < FEWEST_FOR_INTERVAL:
        return Estimate(mean, None, None, n)
    if _constant(sample):
        return Estimate(mean, mean, mean, n)
    if n < FEWEST_FOR_BOOTSTRAP:
        half = float(stats.t.isf((1 - LEVEL) / 2, n - 1) * sample.std(ddof=1) / math.sqrt(n))
        return Estimate(mean, mean - half, mean + half, n)
    return Estimate(mean, *_bootstrap_bounds(sample), n)


def widened(estimate: Estimate, standard_error: float) -> Estimate:
    """Return an estimate whose interval holds a further, independent source of error.

    The limits of the sum are those of Zou & Donner 2008: on each side, the root of the sum of the
    squared distances.

    Args:
        estimate: the statistic with its interval over seeds.
        standard_error: of the other source, normally distributed, e.g. the choice of test items.
    """
    if estimate.low is None or estimate.high is None:
        return estimate
    other = float(stats.norm.isf((1 - LEVEL) / 2)) * standard_error
    return Estimate(
        estimate.value,
        estimate.value - math.hypot(estimate.value - estimate.low, other),
        estimate.value + math.hypot(estimate.high - estimate.value, other),
        estimate.n,
    )


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


def finite(values: Sequence[float] | Floats) -> Floats:
    """Return the values as an array.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0 or not np.all(np.isfinite(sample)):
        raise ValueError("an estimate needs at least one value, and finite ones only")
    return sample


def widened_tail(n: int, freedom: int) -> float:
    """Return the tail probability at which normal limits are as wide as those of a t interval."""
    return float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.isf((1 - LEVEL) / 2, freedom)))


def _constant(sample: Floats) -> bool:
    return float(np.ptp(sample)) <= 1e-12 * float(np.abs(sample).max(initial=0.0))


def _bootstrap_bounds(sample: Floats) -> tuple[float, float]:
    n, mean = len(sample), sample.mean()
    means = _weights(n) @ sample
    tail = widened_tail(n, n - 1)
    # Resampled means that equal the mean, which discrete scores give often, count half.
    equal = np.isclose(means, mean, rtol=1e-12)
    below = float((~equal & (means < mean)).mean() + 0.5 * equal.mean())
    bias = stats.norm.ppf(min(max(below, 1 / len(means)), 1 - 1 / len(means)))
    deviations = sample - mean
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    shifted = bias + stats.norm.ppf([tail, 1 - tail])
    levels = stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))
    low, high = np.quantile(means, levels)
    return float(low), float(high)


@lru_cache(maxsize=32)
def _weights(n: int) -> Floats:
    """Return the resampling weights, (resamples, n); their product with a sample is the means."""
    rng = np.random.default_rng(_SEED)
    resamples = min(RESAMPLES, max(1_000, _MOST_DRAWS // n))
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64) / n
