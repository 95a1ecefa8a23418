"""Expected best validation score after a number of tries of random search, from one study.

Sources: Dodge et al. 2019 (the curve, by an estimate that draws tries with replacement); Tang et
al. 2020 (that estimate is biased towards worse scores, and one without replacement is not); Efron &
Tibshirani 1993 (an interval from the bootstrap's standard error).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rnnbench.analysis.statistics.intervals import LEVEL, Floats

RESAMPLES = 2_000
_SEED = 20_190_903


@dataclass(frozen=True)
class ExpectedBest:
    """The expected best score after ``tries[k]`` tries, with a bootstrap interval.

    Attributes:
        tries: numbers of tries, from 1 to those of the study.
        values: expected best scores.
        low, high: limits of an interval over the choice of the tries, up to half of them: beyond,
            the value rests on the few best tries, and an interval covers too little.
    """

    tries: tuple[int, ...]
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def expected_best(scores: Sequence[float], sign: int) -> ExpectedBest:
    """Return the curve of the expected best score of ``n`` tries, for every ``n`` of a study.

    The value at ``n`` is the mean, over all choices of ``n`` of the tries without replacement, of
    their best score. It is unbiased for tries that are drawn independently, as by random search.

    Args:
        scores: validation scores of all tries, at least one, with the worst score for each try that
            has none.
        sign: +1 where a higher score is better, else -1.
    """
    count = len(scores)
    weights = choice_weights(count)
    values = sign * (weights @ np.sort(sign * np.asarray(scores, dtype=np.float64)))
    rng = np.random.default_rng(_SEED)
    drawn = np.asarray(scores)[rng.integers(0, count, (RESAMPLES, count))]
    half = count // 2
    means = np.sort(sign * drawn, axis=1) @ weights[:half].T
    # Percentiles of so few values cover too little; Student's interval covers more.
    error = means.std(axis=0) * math.sqrt(count / max(1, count - 1))
    reach = stats.t.isf((1 - LEVEL) / 2, max(1, count - 1)) * error
    return ExpectedBest(
        tuple(range(1, count + 1)),
        tuple(map(float, values)),
        tuple(map(float, values[:half] - reach)),
        tuple(map(float, values[:half] + reach)),
    )


def choice_weights(count: int) -> Floats:
    """Return the chance that each try is the best of ``n`` of them, (count, count).

    Row ``n - 1`` holds the chances of the tries in rising order of their scores: of the C(count, n)
    choices, C(i, n - 1) have the i-th try, from 0, as their best.
    """
    return np.array(
        [
            [math.comb(place, n - 1) / math.comb(count, n) for place in range(count)]
            for n in range(1, count + 1)
        ]
    )
