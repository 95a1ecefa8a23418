"""The leaderboard over tasks: one entry for each model, with its aggregate, rank and other axes.

The rank of an entry is a range: the entries that are shown to be better come before it, those that
are shown to be worse after it, and the rest cannot be told apart. The rule is that of one task
(:class:`rnnbench.analysis.statistics.all_pairs.AllPairs`), on one value per seed: the interquartile
mean over the tasks of the skills of that seed. It holds for new seeds on these tasks; for other
tasks there are the critical differences of :mod:`rnnbench.analysis.across_tasks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean, median
from typing import Literal, TypeAlias

from rnnbench.analysis.across_tasks import interquartile_mean, interquartile_mean_interval
from rnnbench.analysis.gradients import initial_half_life
from rnnbench.analysis.groups import TUNED, Configuration, TaskGroup
from rnnbench.analysis.statistics.all_pairs import FEWEST_FOR_VERDICT, AllPairs
from rnnbench.analysis.statistics.intervals import LEVEL, Estimate
from rnnbench.analysis.unscored import penalised, skills_with_worst
from rnnbench.records.result import Status

Missing: TypeAlias = Literal["declined", "no trial", "unfinished"]
"""Why an entry has no skill on a task: the model declined it, was not run on it, or did not end."""


@dataclass(frozen=True, eq=False)
class Cell:
    """An entry on a task.

    Attributes:
        configuration: the configuration; ``None`` where the model was not run on the task.
        skills: by seed; a trained trial without a score has the worst skill on the task.
        unscored: number of these trials.
    """

    configuration: Configuration | None
    skills: Mapping[int, float]
    unscored: int = 0

    @property
    def skill(self) -> float | None:
        """Mean skill over seeds."""
        return fmean(self.skills.values()) if self.skills else None

    @property
    def missing(self) -> Missing | None:
        """Why there is no skill; ``None`` where there is one."""
        if self.skills:
            return None
        if self.configuration is None:
            return "no trial"
        statuses = {record.result.status for record in self.configuration.failures}
        return "declined" if Status.INCOMPATIBLE in statuses else "unfinished"


@dataclass(frozen=True, eq=False)
class Entry:
    """A model on the leaderboard over tasks.

    Attributes:
        label: of its configurations; ends with ``(tuned)`` where a study chose one of them.
        cells: one for each task, in the order of the tasks.
        rank: the best and the worst rank among the entries that it is compared with; ``None`` for
            an entry that is not ranked.
    """

    label: str
    cells: tuple[Cell, ...]
    rank: tuple[int, int] | None = None

    @property
    def configurations(self) -> list[Configuration]:
        """Its configurations, one for each task that it was run on."""
        return [cell.configuration for cell in self.cells if cell.configuration is not None]

    @property
    def causal(self) -> bool:
        """Whether its output depends on past inputs alone."""
        return all(each.spec.model.causal for each in self.configurations)

    @property
    def complete(self) -> bool:
        """Whether it has a skill on every task; others have no aggregate."""
        return all(cell.skills for cell in self.cells)

    @property
    def unscored(self) -> int:
        """Number of trials without a score that count as the worst one."""
        return sum(cell.unscored for cell in self.cells)

    @cached_property
    def skill(self) -> Estimate | None:
        """Interquartile mean skill over tasks and seeds, with its interval."""
        if not self.complete:
            return None
        return interquartile_mean_interval([list(cell.skills.values()) for cell in self.cells])

    @cached_property
    def by_seed(self) -> list[float]:
        """Interquartile mean over the tasks, of each seed with a skill on every task."""
        seeds = set.intersection(*(set(cell.skills) for cell in self.cells))
        return [interquartile_mean([cell.skills[s] for cell in self.cells]) for s in sorted(seeds)]

    @property
    def step_ratio(self) -> float | None:
        """Geometric mean over tasks of the training step over that of the comparator, as built."""
        points = (each.speed_point("train") for each in self.configurations)
        return _geometric_mean(point.ratio.median for point in points if point is not None)

    @property
    def parameters(self) -> float | None:
        """Geometric mean over tasks of the number of trainable parameters."""
        return _geometric_mean(each.size.params_total for each in self.configurations if each.size)

    @property
    def half_life(self) -> float | None:
        """Median over tasks of the half-life of the gradient at initialisation, in time steps.

        ``None`` for a model that looks ahead, whose half-lives are not comparable with others.
        """
        if not self.causal:
            return None
        found = [initial_half_life(each) for each in self.configurations]
        known = [value for value in found if value is not None]
        return median(known) if known else None

    @property
    def comparators(self) -> set[str]:
        """The models that its speeds are ratios to."""
        return {each.comparator for each in self.configurations if each.comparator is not None}


def standings(tasks: Sequence[TaskGroup]) -> list[Entry]:
    """Return the entries of a leaderboard over tasks.

    Where a tuning study chose a recipe of a model on a task, that recipe counts, and else the
    default one. Entries are in the order of their aggregates: first those that see the past alone,
    which are ranked, then those that look ahead, then those without a skill on every task.

    Args:
        tasks: at least one task.
    """
    chosen: dict[str, dict[int, Configuration]] = {}
    for place, task in enumerate(tasks):
        for configuration in task.configurations:
            of_model = chosen.setdefault(configuration.label.removesuffix(TUNED), {})
            if place not in of_model or configuration.recipe != "untuned":
                of_model[place] = configuration
    entries = [_entry(label, of_model, tasks) for label, of_model in chosen.items()]
    return sorted(_ranked(entries), key=_order)


def _entry(label: str, chosen: Mapping[int, Configuration], tasks: Sequence[TaskGroup]) -> Entry:
    cells = []
    for place, task in enumerate(tasks):
        configuration = chosen.get(place)
        if configuration is None:
            cells.append(Cell(None, {}))
            continue
        skills = skills_with_worst(task, configuration)
        cells.append(Cell(configuration, skills, len(penalised(configuration))))
    tuned = any(each.recipe == "tuned" for each in chosen.values())
    return Entry(f"{label}{TUNED}" if tuned else label, tuple(cells))


def _ranked(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with ranks among those that see the past alone and are complete."""
    field = [each for each in entries if each.complete and each.causal]
    if len(field) < 2 or min(len(each.by_seed) for each in field) < FEWEST_FOR_VERDICT:
        return list(entries)
    family = AllPairs([each.by_seed for each in field])
    means = [fmean(each.by_seed) for each in field]
    ranks: dict[int, tuple[int, int]] = {}
    for place, entry in enumerate(field):
        shown = [
            means[other] - means[place]
            for other in range(len(field))
            if other != place and family.p_value(place, other) <= 1 - LEVEL
        ]
        better = sum(difference > 0 for difference in shown)
        ranks[id(entry)] = (1 + better, len(field) - (len(shown) - better))
    return [replace(each, rank=ranks.get(id(each))) for each in entries]


def _order(entry: Entry) -> tuple[bool, bool, float, str]:
    estimate = entry.skill
    known = [cell.skill for cell in entry.cells if cell.skill is not None]
    value = estimate.value if estimate else fmean(known) if known else -math.inf
    return (estimate is None, not entry.causal, -value, entry.label)


def _geometric_mean(values: Iterable[float]) -> float | None:
    logs = [math.log(value) for value in values if value > 0]
    return math.exp(fmean(logs)) if logs else None
