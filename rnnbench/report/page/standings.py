"""The leaderboard over tasks on the page: its sentences, its figure and its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rnnbench.analysis.formatting import (
    MISSING,
    counted,
    estimate_text,
    level_text,
    listed,
    number,
    whole,
)
from rnnbench.analysis.groups import TUNED, TaskGroup
from rnnbench.analysis.remarks import LOOKS_AHEAD
from rnnbench.analysis.standings import Entry, standings
from rnnbench.report.blocks import Column, Made, Row, Table
from rnnbench.report.figures.standings import rank_text, standings_figure
from rnnbench.report.figures.style import Style

_MOST_TASKS = 16
"""Columns of tasks in the table; results.csv has all trials."""


def leaderboard_over(
    tasks: Sequence[TaskGroup], styles: Mapping[str, Style]
) -> tuple[list[str], list[Callable[[], Made]]]:
    """Return the sentences and blocks of the leaderboard over tasks.

    Both are empty where fewer than two models have a skill on every task.
    """
    entries = standings(tasks)
    complete = [entry for entry in entries if entry.complete]
    if len(complete) < 2:
        return [], []
    labels = [task.label for task in tasks]
    return _sentences(entries, len(tasks)), [
        partial(standings_figure, _short(tasks), entries, "leaderboard"),
        partial(_table, labels, entries, styles),
    ]


def _short(tasks: Sequence[TaskGroup]) -> list[str]:
    """Return the names of the tasks, without their options where these tell no tasks apart."""
    count = Counter(task.spec.name for task in tasks)
    return [task.spec.name if count[task.spec.name] == 1 else task.label for task in tasks]


def _sentences(entries: Sequence[Entry], tasks: int) -> list[str]:
    best, others = entries[0], [e for e in entries[1:] if e.rank is not None]
    assert best.skill is not None
    among = " of the models that do not look ahead" if _some_look_ahead(entries) else ""
    opening = (
        f"Over {counted(tasks, 'task')}, {best.label} has the highest interquartile mean "
        f"skill{among}: {estimate_text(best.skill)} ({level_text()} interval)"
    )
    if best.rank is None:
        return [f"{opening}. There are too few seeds to rank the models."]
    level = [each.label for each in others if each.rank is not None and each.rank[0] == 1]
    if level:
        return [f"{opening}; {listed(level, 8)} cannot be told apart from the first rank."]
    return [f"{opening}; every other model is shown to be worse."]


def _some_look_ahead(entries: Sequence[Entry]) -> bool:
    return any(not entry.causal for entry in entries) and entries[0].causal


def _table(labels: Sequence[str], entries: Sequence[Entry], styles: Mapping[str, Style]) -> Table:
    columns = [
        Column("model", numeric=False),
        Column("rank"),
        Column(f"interquartile mean skill [{level_text()} interval]"),
        *(Column(label, "mean skill") for label in labels[:_MOST_TASKS]),
        Column(
            f"training step / {listed(_comparators(entries)) or 'comparator'}", "mean over tasks"
        ),
        Column("parameters", "mean over tasks"),
        Column("gradient half-life", "mean over tasks"),
    ]
    rows = [Row(_cells(entry), colour=_colour(entry, styles)) for entry in entries]
    return Table(
        "Leaderboard over tasks", tuple(columns), tuple(rows), tuple(_notes(entries, labels))
    )


def _cells(entry: Entry) -> tuple[str, ...]:
    skills = [
        f"{cell.missing}" if cell.skill is None else _skill_text(cell.skill, cell.unscored)
        for cell in entry.cells[:_MOST_TASKS]
    ]
    return (
        entry.label if entry.causal else f"{entry.label} {LOOKS_AHEAD}",
        rank_text(entry) or MISSING,
        estimate_text(entry.skill),
        *skills,
        MISSING if entry.step_ratio is None else f"{number(entry.step_ratio)}×",
        whole(entry.parameters),
        number(entry.half_life),
    )


def _skill_text(skill: float, unscored: int) -> str:
    return f"{number(skill)} ({unscored} without a score)" if unscored else number(skill)


def _colour(entry: Entry, styles: Mapping[str, Style]) -> str | None:
    style = styles.get(entry.label) or styles.get(entry.label.removesuffix(TUNED))
    return None if style is None else style.colour


def _comparators(entries: Sequence[Entry]) -> list[str]:
    return sorted({each for entry in entries for each in entry.comparators})


def _notes(entries: Sequence[Entry], labels: Sequence[str]) -> list[str]:
    notes = [
        "The aggregate is the interquartile mean of skill over all tasks and seeds; its interval "
        "resamples seeds within tasks (Agarwal et al. 2021).",
        "Rank: a model comes after those that are shown to be better and before those that are "
        "shown to be worse, with one error rate of 5 % over all pairs; the test is that of the "
        "tables of single tasks, on the interquartile mean over tasks of each seed. It holds for "
        "new seeds on these tasks.",
    ]
    tuned = [entry for entry in entries if entry.label.endswith(TUNED)]
    if tuned:
        rest = [entry.label for entry in entries if entry not in tuned]
        notes.append(
            "Tuned recipes count where a study chose one"
            + (f", and default ones of {listed(rest)}." if rest else ".")
        )
    if any(entry.unscored for entry in entries):
        notes.append(
            "A trial that was trained and has no score counts as the baseline, or as the worst "
            "trial on that task where that is lower."
        )
    if incomplete := [entry.label for entry in entries if not entry.complete]:
        notes.append(
            f"Without an aggregate, for want of a result on some task: {listed(incomplete, 12)}."
        )
    if not all(entry.causal for entry in entries):
        notes.append(f"{LOOKS_AHEAD} looks ahead: an easier problem, not ranked with the others.")
    notes.append(
        "Training step and parameters are geometric means and the half-life is a median, over the "
        "tasks where they were measured."
    )
    if len(labels) > _MOST_TASKS:
        notes.append(f"{counted(len(labels) - _MOST_TASKS, 'further task')} in results.csv.")
    return notes
