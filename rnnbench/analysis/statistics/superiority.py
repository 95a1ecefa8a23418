"""The probability that one model beats another on a new seed, with its interval.

Sources: Bouthillier et al. 2021 (the probability of outperforming as the quantity to report);
Mann & Whitney 1947; Newcombe 2006, part 2, method 5 (the interval), after Hanley & McNeil 1982.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import optimize, stats

from rnnbench.analysis.groups import Configuration
from rnnbench.analysis.statistics.intervals import FEWEST_FOR_INTERVAL, LEVEL, Estimate, Floats

_EDGE = 1e-12


def probability_of_beating(a: Configuration, b: Configuration, sign: int) -> Estimate | None:
    """Return the probability that a trial of ``a`` beats one of ``b``, ties counted half.

    A trial that diverged failed to learn: it loses to every trial with a score and ties with
    another that diverged. Other trials without a score are left out.

    Args:
        a: a configuration.
        b: another one.
        sign: +1 where a higher score is better, else -1.

    Returns:
        The probability over all pairs of seeds, unpaired; ``n`` is the smaller number of trials.
        ``None`` where either has no trial, without an interval where either has one.
    """
    first, second = (
        [sign * score for score in each.scores.values()] + [-math.inf] * each.diverged
        for each in (a, b)
    )
    return beating(np.array(first), np.array(second)) if first and second else None


def beating(first: Floats, second: Floats) -> Estimate:
    """Return the probability that a value of ``first`` is above one of ``second``.

    It is the statistic of Mann & Whitney over the number of pairs, ties counted half.
    """
    above = (first[:, None] > second).sum() + 0.5 * (first[:, None] == second).sum()
    m, n = len(first), len(second)
    value = float(above) / (m * n)
    fewest = min(m, n)
    if fewest < FEWEST_FOR_INTERVAL:
        return Estimate(value, None, None, fewest)
    return Estimate(value, *_limits(value, m, n), fewest)


@lru_cache(maxsize=8192)
def _limits(value: float, m: int, n: int) -> tuple[float, float]:
    """Return the limits: the probabilities that are one quantile of Student's t away.

    The standard error is that at the limit itself, so that the interval has a width where all
    pairs agree. Newcombe takes the normal quantile, with which it covers too little at four seeds.
    """
    quantile = float(stats.t.isf((1 - LEVEL) / 2, m + n - 2))
    more = (m + n) / 2 - 1

    def excess(p: float) -> float:
        spread = 1 + more * (1 - p) / (2 - p) + more * p / (1 + p)
        return (p - value) ** 2 - quantile**2 * p * (1 - p) * spread / (m * n)

    low = 0.0 if value == 0 else _root(excess, 0.0, min(value, 1 - _EDGE))
    high = 1.0 if value == 1 else _root(excess, max(value, _EDGE), 1.0)
    return low, high


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(function, low, high))
