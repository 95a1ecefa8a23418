"""Difficulty sweeps: one task at several values of one of its numeric options."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.records.syntax import with_options


@dataclass(frozen=True, eq=False)
class DifficultySweep:
    """A task at several values of ``option``, otherwise equal; ``levels`` by rising value."""

    task: str
    option: str
    levels: tuple[tuple[float, TaskGroup], ...]

    @property
    def labels(self) -> list[str]:
        """The configurations with a score at any level, the best at the highest level first."""
        return list(
            dict.fromkeys(c.label for _, group in reversed(self.levels) for c in group.scored)
        )

    def at(self, group: TaskGroup, label: str) -> Configuration | None:
        """Return one configuration at one level."""
        return next((c for c in group.scored if c.label == label), None)

    def highest_solved(self, label: str) -> float | None:
        """Return the greatest value at which more than half of the trials solved the task."""
        solved = [
            value
            for value, group in self.levels
            if (c := self.at(group, label)) and c.solved is not None and c.solved.value > 0.5
        ]
        return max(solved, default=None)


def difficulty_sweeps(tasks: Sequence[TaskGroup]) -> list[DifficultySweep]:
    """Find the tasks that were run at two or more values of a numeric option, otherwise equal."""
    found = []
    by_name: dict[str, list[TaskGroup]] = defaultdict(list)
    for task in tasks:
        if task.scored:
            by_name[task.spec.name].append(task)
    for name, groups in by_name.items():
        for option in dict.fromkeys(key for group in groups for key in group.spec.options):
            found += _along(name, option, groups)
    return found


def _along(name: str, option: str, groups: Sequence[TaskGroup]) -> list[DifficultySweep]:
    alike: dict[str, dict[float, TaskGroup]] = defaultdict(dict)
    labels = {}
    for group in groups:
        value = group.spec.options.get(option)
        if isinstance(value, int | float) and not isinstance(value, bool):
            rest = group.spec.identity()
            rest["options"] = {k: v for k, v in rest["options"].items() if k != option}
            key = json.dumps([rest, group.data_checksums], sort_keys=True)
            alike[key][float(value)] = group
            labels[key] = with_options(
                name, {k: v for k, v in group.spec.shown.items() if k != option}
            )
    return [
        DifficultySweep(labels[key], option, tuple(sorted(levels.items())))
        for key, levels in alike.items()
        if len(levels) > 1
    ]
