"""The first lines of a report: what was equal over the compared models, and what was not."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench.analysis.equality import TRIES, equality, match_text, setting_title
from rnnbench.analysis.formatting import listed
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.tuning.studies import Study

_MOST = 40
"""Quantities and settings named in one sentence."""


def conditions(task: TaskGroup, studies: Sequence[Study] = ()) -> list[str]:
    """Return what was equal on a task, and what was not; empty where nothing is compared."""
    found = equality(task, studies)
    return [] if found is None else _sentences(found.equal, found.unequal)


def conditions_over(tasks: Sequence[TaskGroup], studies: Sequence[Study] = ()) -> list[str]:
    """Return the lines that open a page: those of its one task, or what holds on all its tasks."""
    compared = [(task, found) for task in tasks if (found := equality(task, studies)) is not None]
    if len(compared) <= 1:
        return [line for task, _ in compared for line in conditions(task, studies)]
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
        if worst.is_equal and len(known) < len(compared):
            continue  # not known on every task
        if worst.is_equal:
            equal.append(f"{title} within {100 * worst.error:.1f} %{by}" if worst.error else title)
        else:
            times = f", up to {worst.high / worst.low:.3g} times" if worst.low > 0 else ""
            unequal.append(f"{title}{by}{times} on {where.label}")
    settings = dict.fromkeys(name for _, found in compared for name in found.different)
    unequal += [setting_title(name) for name in settings]
    unequal += dict.fromkeys(name for _, found in compared for name in found.unequal_by_name)
    default = "of the default recipes" if any(found.tuned for _, found in compared) else ""
    rest = "the rest of the settings" if settings else "all settings"
    equal.append(f"{rest} {default or 'of the training'}")
    if all(found.tries and found.equal_tries for _, found in compared):
        equal.append(TRIES)
    return _sentences(equal, unequal, "Equal on every task")


def _sentences(equal: list[str], unequal: list[str], opening: str = "Equal") -> list[str]:
    lines = [f"{opening}: {listed(equal, most=_MOST)}."] if equal else []
    return [*lines, *([f"Not equal: {listed(unequal, most=_MOST)}."] if unequal else [])]
