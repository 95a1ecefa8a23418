"""The section across tasks: interquartile mean skill, performance profiles and mean ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rnnbench.analysis.across_tasks import (
    Ranks,
    interquartile_means,
    rank_configurations,
    skills_on_all_tasks,
)
from rnnbench.analysis.formatting import counted, estimate_text, number, p_text
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.stats import Estimate
from rnnbench.report.blocks import Column, Made, Row, Section, Table
from rnnbench.report.figures.across import rank_figure, skill_figure
from rnnbench.report.figures.style import Style


def across_section(tasks: Sequence[TaskGroup], styles: Mapping[str, Style]) -> Section | None:
    """Return the section, or ``None`` where fewer than two configurations ran on every task."""
    skills = skills_on_all_tasks(tasks)
    if len(skills) < 2:
        return None
    means = interquartile_means(skills)
    ranks = rank_configurations(skills)
    best, estimate = next(iter(means.items()))
    sentences = [
        f"Over {counted(len(tasks), 'task')}, {best} has the highest interquartile mean skill: "
        f"{estimate_text(estimate)}."
    ]
    parts: list[Callable[[], Made]] = [
        partial(_table, means, ranks, styles),
        partial(skill_figure, skills, means, styles, "across-tasks"),
    ]
    if ranks is not None:
        sentences.append(
            f"Friedman's test that all rank alike over {ranks.tasks} tasks: "
            f"p {p_text(ranks.friedman_p)}."
        )
        parts.append(partial(rank_figure, ranks, styles, "across-ranks"))
    return Section("Across tasks", "across", tuple(sentences), tuple(parts))


def _table(
    means: Mapping[str, Estimate], ranks: Ranks | None, styles: Mapping[str, Style]
) -> Table:
    columns = [Column("model", numeric=False), Column("interquartile mean skill [interval]")]
    if ranks is not None:
        columns.append(Column("mean rank"))
    rows = []
    for label, mean in means.items():
        rank = () if ranks is None else (number(float(ranks.mean[label])),)
        rows.append(Row((label, estimate_text(mean), *rank), colour=styles[label].colour))
    note = (
        "Configurations with a score on every task. The interval resamples seeds within tasks; "
        "other tasks may rank otherwise."
    )
    return Table("Skill over all tasks", tuple(columns), tuple(rows), (note,))
