"""The table of a task in which trials without a score count as the worst one."""

from __future__ import annotations

from rnnbench.analysis.formatting import MISSING, estimate_text, level_text, listed, number
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.remarks import marked
from rnnbench.analysis.unscored import penalised, score_with_worst, statuses, worst_score
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.page.leaderboard import MOST_ROWS


def with_worst(task: TaskGroup) -> Table | None:
    """Return the table beside the leaderboard, or ``None`` where no trained trial lacks a score."""
    worst = worst_score(task)
    if worst is None or not any(penalised(c) for c in task.configurations):
        return None
    found = [(c, score_with_worst(c, worst)) for c in task.configurations]
    found.sort(key=lambda each: -task.sign * each[1].value if each[1] else float("inf"))
    rows = [
        Row(
            (
                marked(c),
                estimate_text(score),
                estimate_text(c.score),
                str(len(c.scores)),
                str(len(penalised(c))),
                listed([f"{n} {status}" for status, n in statuses(c).most_common()]) or MISSING,
            )
        )
        for c, score in found
    ]
    columns = (
        Column("model", numeric=False),
        Column(f"{task.score_name}, without a score = {number(worst)} [{level_text()}]"),
        Column(f"{task.score_name}, without a score left out [{level_text()}]"),
        Column("trials with a score"),
        Column("trials counted as the worst"),
        Column("trials without a score", numeric=False),
    )
    note = (
        f"The worst score, {number(worst)}, is that of the baseline or of a worse trial on this "
        "task. Diverged trials failed to learn; trials that raised an error, crashed, ran out of "
        "memory or reached a time limit count likewise here. Trials that a model declined or that "
        "were interrupted count nowhere. Mean scores of the leaderboard, and verdicts on them, "
        "leave all of them out; solve rates and steps to solve count a diverged trial as unsolved."
    )
    return Table(
        "Trials without a score as the worst score", columns, tuple(rows[:MOST_ROWS]), (note,)
    )
