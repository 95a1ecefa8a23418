"""Models across tasks: interquartile means, performance profiles, ranks and critical differences.

Sources: Agarwal et al. 2021 (interquartile mean with a stratified bootstrap, performance profiles);
Demšar 2006 (Friedman test with Nemenyi's post-hoc test and the critical-difference diagram).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from rnnbench.analysis.difficulty import difficulty_sweeps
from rnnbench.analysis.groups import TUNED, TaskGroup
from rnnbench.analysis.statistics import studentized_range
from rnnbench.analysis.statistics.intervals import LEVEL, Estimate, Floats
from rnnbench.analysis.unscored import skills_with_worst

FEWEST_TASKS_FOR_RANKS = 5
_RESAMPLES = 2_000
_SEED = 20_210_830
_MANY = 1e6
"""Degrees of freedom of a variance that is known, as that of ranks is."""


SkillsByTask = dict[str, list[list[float]]]
"""For each configuration label, the seeds' skills on each task; tasks in one order."""


@dataclass(frozen=True)
class Ranks:
    """Mean ranks (1 is best) and the tests of their differences.

    Attributes:
        mean: mean rank over tasks, by model.
        friedman_p: p-value of the hypothesis that all models rank alike.
        nemenyi_p: p-values of each pair, models by models.
        tasks: number of tasks ranked.
    """

    mean: pd.Series[float]
    friedman_p: float
    nemenyi_p: pd.DataFrame
    tasks: int

    @property
    def critical_difference(self) -> float:
        """Difference of mean ranks from which Nemenyi's test shows one at 5 % (Demšar 2006)."""
        models = len(self.mean)
        q = studentized_range.critical(1 - LEVEL, models, _MANY) / math.sqrt(2)
        return float(q * math.sqrt(models * (models + 1) / (6 * self.tasks)))


def interquartile_mean(values: Sequence[float] | Floats) -> float:
    """Return the mean of the middle half of the values.

    A quarter of the values, rounded down, is cut at each end.
    """
    return float(stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25))


def interquartile_mean_interval(by_task: Sequence[Sequence[float]]) -> Estimate:
    """Return the interquartile mean over all tasks' seeds with a stratified bootstrap interval.

    Seeds are resampled within each task (Agarwal et al. 2021). Percentiles of so few values cover
    too little. The interval is therefore Student's, with the bootstrap's standard error corrected
    for the number of seeds (Efron & Tibshirani 1993). There is no interval when a task has a single
    seed.
    """
    pooled = np.concatenate([np.asarray(scores, dtype=np.float64) for scores in by_task])
    value = interquartile_mean(pooled)
    if min(len(scores) for scores in by_task) < 2:
        return Estimate(value, None, None, len(pooled))
    rng = np.random.default_rng(_SEED)
    drawn = [
        np.asarray(scores)[rng.integers(0, len(scores), (_RESAMPLES, len(scores)))]
        for scores in by_task
    ]
    means = stats.trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1)
    fewest = min(len(scores) for scores in by_task)
    error = float(means.std(ddof=1)) * np.sqrt(fewest / (fewest - 1))
    half = float(stats.t.isf((1 - LEVEL) / 2, len(pooled) - len(by_task))) * error
    return Estimate(value, value - half, value + half, len(pooled))


def performance_profile(by_task: Sequence[Sequence[float]], thresholds: Floats) -> Floats:
    """Return the share of trials that score above each threshold; every task weighs the same."""
    shares = [(np.asarray(scores)[:, None] > thresholds).mean(axis=0) for scores in by_task]
    profile: Floats = np.mean(shares, axis=0)
    return profile


def ranks(scores: Mapping[str, Sequence[float]]) -> Ranks | None:
    """Rank models by ``scores`` (by model, one per task, higher is better).

    Returns ``None`` below five tasks or three models, where the tests have no power.
    """
    # tasks by models
    table = pd.DataFrame(dict(scores))
    if len(table) < FEWEST_TASKS_FOR_RANKS or table.shape[1] < 3:
        return None
    # slow to import, and rarely needed
    import scikit_posthocs

    friedman = stats.friedmanchisquare(*(table[model] for model in table))
    p_value = float(friedman.pvalue)
    return Ranks(
        mean=table.rank(axis=1, ascending=False).mean(),
        # It is not finite where every model is tied on every task.
        friedman_p=p_value if np.isfinite(p_value) else 1.0,
        nemenyi_p=scikit_posthocs.posthoc_nemenyi_friedman(table),
        tasks=len(table),
    )


def independent_tasks(tasks: Sequence[TaskGroup]) -> list[TaskGroup]:
    """Return the tasks that are not levels of a difficulty sweep.

    Levels of one task are no independent tasks: a model that is good at one is good at the next.
    """
    levels = {id(task) for sweep in difficulty_sweeps(tasks) for _, task in sweep.levels}
    return [task for task in tasks if id(task) not in levels]


def skills_on_all_tasks(tasks: Sequence[TaskGroup], *, tuned: bool = False) -> SkillsByTask:
    """Return the skills of the configurations that were trained on every task.

    A trial without a score has the worst skill on its task (:mod:`rnnbench.analysis.unscored`).
    Default recipes and tuned ones are apart. Where a study chose the default recipe on some of the
    tasks, that recipe is the tuned one there.

    Args:
        tasks: the tasks.
        tuned: whether tuned recipes are asked for rather than default ones.

    Returns:
        The skills by label; empty for fewer than two tasks, and without any tuned recipe.
    """
    labels = {c.label for task in tasks for c in task.configurations if c.recipe == "tuned"}
    if len(tasks) < 2 or (tuned and not labels):
        return {}
    by_label: SkillsByTask = {}
    other = "untuned" if tuned else "tuned"
    for task in tasks:
        for configuration in task.configurations:
            if configuration.recipe == other:
                continue
            as_tuned = f"{configuration.label}{TUNED}"
            label = as_tuned if tuned and as_tuned in labels else configuration.label
            if skills := skills_with_worst(task, configuration):
                by_label.setdefault(label, []).append(list(skills.values()))
    return {label: skills for label, skills in by_label.items() if len(skills) == len(tasks)}


def interquartile_means(skills: SkillsByTask) -> dict[str, Estimate]:
    """Return each configuration's interquartile mean skill with its interval, best first."""
    means = {label: interquartile_mean_interval(by_task) for label, by_task in skills.items()}
    return dict(sorted(means.items(), key=lambda item: -item[1].value))


def rank_configurations(skills: SkillsByTask) -> Ranks | None:
    """Rank the configurations by their mean skill on each task.

    Returns ``None`` below five tasks or three configurations.
    """
    return (
        ranks(
            {
                label: [float(np.mean(seeds)) for seeds in by_task]
                for label, by_task in skills.items()
            }
        )
        if skills
        else None
    )
