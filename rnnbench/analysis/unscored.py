"""Trials without a score counted as the worst one, beside the means that leave them out."""

from __future__ import annotations

import math
from collections import Counter

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.statistics.intervals import Estimate, mean_interval
from rnnbench.records.result import Record, Status

NOT_TRAINED = (Status.INCOMPATIBLE, Status.INTERRUPTED, Status.PRUNED)
"""Statuses of trials that say nothing about learning: declined, not ended, or no reported trial."""


def penalised(configuration: Configuration) -> tuple[Record, ...]:
    """Return the trials that count as the worst score: they were trained and have none."""
    return tuple(r for r in configuration.failures if r.result.status not in NOT_TRAINED)


def worst_score(task: TaskGroup) -> float | None:
    """Return the worst score: that of the baseline, or of a worse trial; ``None`` without any."""
    if task.learning is None:
        return None
    scores = [score for c in task.scored for score in c.scores.values()]
    finite = [score for score in (task.learning.baseline, *scores) if math.isfinite(score)]
    return min(finite, key=lambda score: task.sign * score)


def score_with_worst(configuration: Configuration, worst: float) -> Estimate | None:
    """Return the mean score with ``worst`` for each trained trial that has none."""
    values = [*configuration.scores.values(), *[worst] * len(penalised(configuration))]
    return mean_interval(values) if values else None


def skills_with_worst(task: TaskGroup, configuration: Configuration) -> dict[int, float]:
    """Return the skills by seed, with the worst one on the task for each trial without a score."""
    worst, learning = worst_score(task), task.learning
    of_worst = 0.0
    if worst is not None and learning is not None and learning.perfect != learning.baseline:
        of_worst = (worst - learning.baseline) / (learning.perfect - learning.baseline)
    known = {seed: x.skill for seed, x in configuration.learned.items() if math.isfinite(x.skill)}
    return known | {record.spec.seed: of_worst for record in penalised(configuration)}


def statuses(configuration: Configuration) -> Counter[str]:
    """Return how the trials without a score ended."""
    return Counter(
        "no finite score" if r.result.status is Status.DONE else r.result.status.value
        for r in configuration.failures
    )
