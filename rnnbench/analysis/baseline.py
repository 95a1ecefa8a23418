"""Which configurations are shown to be better than a fixed score, such as the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scipy import stats

from rnnbench.analysis.statistics.all_pairs import FEWEST_FOR_VERDICT
from rnnbench.analysis.statistics.intervals import LEVEL, Floats, finite
from rnnbench.analysis.statistics.solving import holm
from rnnbench.analysis.verdicts import Trials


def shown_better(members: Mapping[str, Trials], bound: float, sign: int) -> set[str]:
    """Return the labels whose mean score is shown to be better than ``bound``.

    Each mean is tested by a t-test, corrected over all members (Holm 1979). A trial that solved the
    task shows it without a test. As for verdicts, at least four trials are needed.

    Args:
        members: the outcomes of each configuration, by its label.
        bound: a score that is known without error.
        sign: +1 where a higher score is better, else -1.
    """
    tested = {
        label: finite(list(each.scores.values()))
        for label, each in members.items()
        if len(each.scores) >= FEWEST_FOR_VERDICT
    }
    adjusted = holm([mean_p(sample, bound) for sample in tested.values()])
    shown = {
        label
        for (label, sample), p_value in zip(tested.items(), adjusted, strict=True)
        if p_value <= 1 - LEVEL and sign * (float(sample.mean()) - bound) > 0
    }
    return shown | {label for label, each in members.items() if each.solutions}


def mean_p(sample: Floats, bound: float) -> float:
    """Return the two-sided p-value of a t-test that the mean is ``bound``.

    Equal values have no t statistic. Their p-value is that of the sign test, ``2 ** (1 - n)``.
    """
    distance = abs(float(sample.mean()) - bound)
    scale = 1e-12 * max(abs(bound), *abs(sample))
    if distance <= scale:
        return 1.0
    error = float(sample.std(ddof=1)) / math.sqrt(len(sample))
    if error <= scale:
        return float(2.0 ** (1 - len(sample)))
    return float(2 * stats.t.sf(distance / error, len(sample) - 1))
