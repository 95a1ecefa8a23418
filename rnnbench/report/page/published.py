"""Published results beside those of the trials: the table of a task, and the section on all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from rnnbench.analysis.formatting import (
    MISSING,
    compact,
    counted,
    estimate_text,
    level_text,
    listed,
    number,
)
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.published import (
    UNDECIDED,
    WIDEST,
    Comparison,
    comparisons_with_published,
)
from rnnbench.analysis.remarks import marked
from rnnbench.records.published import BOUNDS
from rnnbench.report.blocks import Column, Row, Section, Table
from rnnbench.report.page.leaderboard import MOST_ROWS

_WORDS = {
    "reproduced": "reproduced",
    "better": "not reproduced: better under this protocol",
    "worse": "not reproduced: worse under this protocol",
    "bound holds": "the bound holds",
    "bound does not hold": "the bound does not hold under this protocol",
    "undecided": "undecided: the interval is too wide",
    "one seed": "not judged: one seed",
    "no trial": "no trial of this model",
}


def published_values(task: TaskGroup, smallest_effect: float) -> Table | None:
    """Return the published results of a task beside its trials, or ``None`` without any."""
    found = comparisons_with_published(task, smallest_effect)
    if not found:
        return None
    rows = [Row((compared.published.model, *_cells(task, compared))) for compared in found]
    return Table("Published values", _columns("model"), tuple(rows[:MOST_ROWS]), _notes())


def published_section(tasks: Sequence[TaskGroup], smallest_effect: float) -> Section | None:
    """Return the section on all tasks with published results that have trials here.

    There is none for a single task, whose own section has the table.
    """
    found = [
        (task, compared)
        for task in tasks
        for compared in comparisons_with_published(task, smallest_effect)
        if compared.ours is not None
    ]
    if len({task.label for task, _ in found}) < 2:
        return None
    counts = Counter(compared.agreement for _, compared in found)
    judged = sum(n for agreement, n in counts.items() if agreement not in UNDECIDED)
    parts = [
        f"{n} {_WORDS[agreement].removeprefix('not judged: ')}"
        for agreement in _WORDS
        if (n := counts[agreement])  # type: ignore[index]
    ]
    sentences = (
        f"{counted(len(found), 'comparison')} of trials with published values, {judged} of them "
        f"decided: {listed(parts, most=len(parts))}.",
        "A value that is not reproduced is not refuted: the protocols differ as the last column "
        "says.",
    )
    return Section("Published values", "published", sentences, (partial(_overview, found),), ())


def _overview(found: Sequence[tuple[TaskGroup, Comparison]]) -> Table:
    rows = [
        Row((task.label, compared.published.model, *_cells(task, compared)))
        for task, compared in found
    ]
    return Table(
        "Published values and ours", _columns("task", "model"), tuple(rows[:MOST_ROWS]), _notes()
    )


def _columns(*first: str) -> tuple[Column, ...]:
    return (
        *(Column(title, numeric=False) for title in first),
        Column("source", numeric=False),
        Column("score", numeric=False),
        Column("theirs"),
        Column(f"ours [{level_text()}]"),
        Column("seeds"),
        Column("our best seed"),
        Column("parameters, theirs / ours"),
        Column("verdict", numeric=False),
        Column("differences of protocol", numeric=False),
    )


def _cells(task: TaskGroup, compared: Comparison) -> tuple[str, ...]:
    each, configuration = compared.published, compared.configuration
    size = None if configuration is None else configuration.size
    printed = f" ({each.printed})" if each.printed else ""
    theirs = MISSING if each.parameters is None else compact(each.parameters)
    ours = MISSING if size is None else compact(size.params_total)
    which = "" if configuration is None else f" · {marked(configuration)}"
    return (
        f"{each.citation}, {each.where}",
        each.score or task.score_name,
        f"{BOUNDS[each.bound]}{number(each.value)}{printed}",
        f"{estimate_text(compared.ours)}{which if which.strip(' ·') != each.model else ''}",
        MISSING if configuration is None or compared.ours is None else str(compared.ours.n),
        number(compared.best),
        f"{theirs} / {ours}",
        _verdict(compared),
        "; ".join(compared.differences) or MISSING,
    )


def _verdict(compared: Comparison) -> str:
    words = _WORDS[compared.agreement]
    if compared.agreement == "worse" and compared.best_reaches:
        return f"{words}; the best seed reaches it"
    return words


def _notes() -> tuple[str, ...]:
    return (
        "Published values whose task options and data files are exactly those of the trials. "
        f"Reproduced: the published value is in the {level_text()} interval of our mean, widened "
        "on both sides by the smallest effect of interest and the rounding of the printed value. "
        f"Undecided: half the interval is wider than {100 * WIDEST:.0f} % of the range from the "
        "baseline to perfection (of the value itself, for another score than the task's), or a "
        "bound is inside the interval.",
        "The published value counts as exact, since few sources state how theirs varies. Not "
        "reproduced is a statement about this protocol alone.",
    )
