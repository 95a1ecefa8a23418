"""The section on a difficulty sweep: a table of the values solved, and score against difficulty."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rnnbench.analysis.difficulty import DifficultySweep
from rnnbench.analysis.formatting import MISSING, listed, number, rate_text
from rnnbench.records.syntax import option_text
from rnnbench.report.blocks import Column, Row, Section, Table
from rnnbench.report.figures.difficulty import score_by_difficulty
from rnnbench.report.figures.style import Style


def difficulty_section(sweep: DifficultySweep, styles: Mapping[str, Style], place: int) -> Section:
    """Return the section: the greatest value that each model solved, and score by value."""
    solved = {label: sweep.highest_solved(label) for label in sweep.labels}
    reached = [
        f"{label} ({sweep.option} {value:g})"
        for label, value in solved.items()
        if value is not None
    ]
    never = [label for label, value in solved.items() if value is None]
    sentences = [
        *([f"Solved by more than half of the seeds, up to: {listed(reached)}."] if reached else []),
        *([f"Solved at no value tried: {listed(never)}."] if never else []),
    ]
    name = f"difficulty-{place}"
    parts = (
        partial(_table, sweep, styles, solved),
        partial(score_by_difficulty, sweep, styles, name),
    )
    return Section(f"{sweep.task} by {sweep.option}", name, tuple(sentences), parts)


def _table(
    sweep: DifficultySweep, styles: Mapping[str, Style], solved: Mapping[str, float | None]
) -> Table:
    values = [option_text(group.spec.options[sweep.option]) for _, group in sweep.levels]
    rows = []
    for label, highest in solved.items():
        at = [sweep.at(group, label) for _, group in sweep.levels]
        cells = [
            f"{number(c.score.value)}, {rate_text(c.solved)}" if c and c.score else MISSING
            for c in at
        ]
        largest = "none" if highest is None else f"{highest:g}"
        rows.append(Row((label, largest, *cells), colour=styles[label].colour))
    columns = (
        Column("model", numeric=False),
        Column(f"largest {sweep.option} solved"),
        *(Column(f"{sweep.option} {value}") for value in values),
    )
    note = "Mean test score and share of seeds that solved the task, with Wilson's 95 % interval."
    return Table("Difficulty", columns, tuple(rows), (note,))
