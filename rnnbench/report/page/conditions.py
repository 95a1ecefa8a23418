"""The first lines of a report: what was equal over the compared models, and what was not."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench.analysis.equality import equality, match_text, setting_title
from rnnbench.analysis.formatting import listed
from rnnbench.analysis.groups import TaskGroup

_MOST = 40
"""Quantities and settings named in one sentence."""


def conditions(task: TaskGroup) -> list[str]:
    """Return what was equal on a task, and what was not; empty where nothing is compared."""
    found = equality(task)
    return [] if found is None else _sentences(found.equal, found.unequal)


def conditions_over(tasks: Sequence[TaskGroup]) -> list[str]:
    """Return the lines that open a page: those of its one task, or what holds on all its tasks."""
    compared = [(task, found) for task in tasks if (found := equality(task)) is not None]
    if len(compared) <= 1:
        return [line for task, _ in compared for line in conditions(task)]
    equal: list[str] = []
    unequal: list[str] = []
    for title in dict.fromkeys(each.title for _, found in compared for each in found.measured):
        known = [
            (task, each)
            for task, found in compared
            for each in found.measured
            if each.title == title
        ]
        asked = {match_text(each.matched) for _, each in known if each.matched is not None}
        by = f" ({', '.join(sorted(asked))})" if asked else ""
        where, worst = max(known, key=lambda pair: pair[1].error)
        if worst.is_equal:
            equal.append(f"{title} within {100 * worst.error:.1f} %{by}" if worst.error else title)
        else:
            times = f", up to {worst.high / worst.low:.3g} times" if worst.low > 0 else ""
            unequal.append(f"{title}{by}{times} on {where.label}")
    settings = dict.fromkeys(name for _, found in compared for name in found.different)
    unequal += [setting_title(name) for name in settings]
    if any(found.initial for _, found in compared):
        unequal.append("initial weights")
    equal.append("the rest of the settings" if settings else "all settings of the training")
    return _sentences(equal, unequal, "Equal on every task")


def _sentences(equal: list[str], unequal: list[str], opening: str = "Equal") -> list[str]:
    lines = [f"{opening}: {listed(equal, most=_MOST)}."] if equal else []
    return [*lines, *([f"Not equal: {listed(unequal, most=_MOST)}."] if unequal else [])]
