"""What the seeds vary: the spread of scores by source of randomness.

Source: Bouthillier et al. 2021 (variance of a benchmark by initial weights, data and order).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rnnbench.analysis.groups import TaskGroup, latest
from rnnbench.analysis.statistics.intervals import FEWEST_FOR_INTERVAL, LEVEL, Estimate, Floats
from rnnbench.records.result import Record, Status
from rnnbench.records.spec import Varied


@dataclass(frozen=True)
class Spread:
    """The spread of one model's scores on one task.

    Attributes:
        task, model: labels, as in the other tables.
        deviations: standard deviation over seeds by source, ``all`` together first.
        without_score: trials of each source that have no score, where there are any.
    """

    task: str
    model: str
    deviations: Mapping[Varied, Estimate]
    without_score: Mapping[Varied, int]


def spreads(tasks: Sequence[TaskGroup], records: Sequence[Record]) -> list[Spread]:
    """Return the spreads of the configurations with trials that vary one source alone."""
    scores: dict[str, dict[Varied, list[float]]] = defaultdict(lambda: defaultdict(list))
    missing: dict[str, dict[Varied, int]] = defaultdict(lambda: defaultdict(int))
    for record in latest(records):
        spec, learning = record.spec, record.result.learning
        if spec.varied == "all" or spec.tuning is not None:
            continue
        done = record.result.status is Status.DONE and learning is not None
        if done and learning is not None and math.isfinite(learning.score):
            scores[spec.recipe_id][spec.varied].append(learning.score)
        else:
            missing[spec.recipe_id][spec.varied] += 1
    found = []
    for task in tasks:
        for configuration in task.configurations:
            recipe = configuration.spec.recipe_id
            if recipe not in scores and recipe not in missing:
                continue
            samples = {"all": list(configuration.scores.values()), **scores[recipe]}
            without: dict[Varied, int] = dict(missing[recipe])
            if configuration.failures:
                without["all"] = len(configuration.failures)
            deviations: dict[Varied, Estimate] = {
                source: deviation_interval(samples[source])
                for source in ("all", "init", "data", "order")
                if samples.get(source)
            }
            found.append(Spread(task.label, configuration.label, deviations, without))
    return found


def deviation_interval(values: Sequence[float] | Floats) -> Estimate:
    """Return the standard deviation with the chi-square interval of normal values.

    One value has no deviation (NaN); equal values have no interval.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n < FEWEST_FOR_INTERVAL:
        return Estimate(math.nan, None, None, n)
    if float(np.ptp(sample)) <= 1e-12 * float(np.abs(sample).max(initial=0.0)):
        return Estimate(0.0, None, None, n)
    deviation = float(sample.std(ddof=1))
    tail = (1 - LEVEL) / 2
    low, high = (
        deviation * math.sqrt((n - 1) / float(stats.chi2.isf(level, n - 1)))
        for level in (tail, 1 - tail)
    )
    return Estimate(deviation, low, high, n)
