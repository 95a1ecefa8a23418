"""The error of a score that comes from the choice of the test items of a finite data set."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.records.items import ItemScores

FEWEST_BLOCKS = 2


def item_error(trials: Sequence[ItemScores]) -> float | None:
    """Return the standard error of a mean score over the choice of the test items.

    The results of each item are averaged over the trials. Neighbouring items that depend on each
    other are joined to blocks. The weighted mean is a ratio of two sums over blocks; its error is
    that of the linearised ratio (Cochran 1977, section 6). For few blocks it is enlarged by the
    ratio of the t to the normal quantile at ``LEVEL``.

    Args:
        trials: the items of each trial, of one test set.

    Returns:
        The error in units of the score; ``None`` for fewer than two blocks, or where the trials
        have different test sets.
    """
    first = trials[0]
    if any((each.count, each.block) != (first.count, first.block) for each in trials):
        return None
    weights = first.weights()
    values = np.mean([each.values() for each in trials], axis=0)
    total = weights.sum()
    if total <= 0:
        return None
    residuals = weights * (values - (weights * values).sum() / total) / total
    of_blocks = np.add.reduceat(residuals, np.arange(0, first.count, first.block))
    blocks = len(of_blocks)
    if blocks < FEWEST_BLOCKS:
        return None
    error = math.sqrt(blocks / (blocks - 1) * float((of_blocks**2).sum()))
    tail = (1 - LEVEL) / 2
    widening = float(stats.t.isf(tail, blocks - 1) / stats.norm.isf(tail))
    slope = float(np.mean([each.slope for each in trials]))
    return abs(slope) * widening * error
