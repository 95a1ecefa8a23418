"""The section across tasks: interquartile mean skill, performance profiles and mean ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rnnbench.analysis.across_tasks import (
    Ranks,
    SkillsByTask,
    independent_tasks,
    interquartile_means,
    rank_configurations,
    skills_on_all_tasks,
)
from rnnbench.analysis.formatting import counted, estimate_text, level_text, number, p_text
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.statistics.intervals import Estimate
from rnnbench.report.blocks import Column, Made, Row, Section, Table
from rnnbench.report.figures.across import rank_figure, skill_figure
from rnnbench.report.figures.style import Style


def across_section(tasks: Sequence[TaskGroup], styles: Mapping[str, Style]) -> Section | None:
    """Return the section, or ``None`` where fewer than two configurations ran on every task.

    Levels of a difficulty sweep are left out: they are no independent tasks.
    """
    counting = independent_tasks(tasks)
    sentences: list[str] = []
    parts: list[Callable[[], Made]] = []
    for tuned in (False, True):
        skills = skills_on_all_tasks(counting, tuned=tuned)
        if len(skills) > 1:
            lines, made = _of_recipes(tasks, counting, skills, styles, tuned=tuned)
            sentences += lines
            parts += made
    if not parts:
        return None
    if left_out := len(tasks) - len(counting):
        sentences.append(
            f"{counted(left_out, 'task')} of difficulty sweeps {'is' if left_out == 1 else 'are'} "
            "left out: levels of one task are no independent tasks."
        )
    return Section("Across tasks", "across", tuple(sentences), tuple(parts))


def _of_recipes(
    tasks: Sequence[TaskGroup],
    counting: Sequence[TaskGroup],
    skills: SkillsByTask,
    styles: Mapping[str, Style],
    *,
    tuned: bool,
) -> tuple[list[str], list[Callable[[], Made]]]:
    """Return sentences and blocks on default recipes, or on tuned ones."""
    means = interquartile_means(skills)
    ranks = rank_configurations(skills)
    ahead = {c.label for task in tasks for c in task.scored if not c.spec.model.causal}
    best, estimate = next(
        ((label, mean) for label, mean in means.items() if label not in ahead),
        next(iter(means.items())),
    )
    among = " of the models that do not look ahead" if ahead & means.keys() else ""
    having = " with tuned recipes" if tuned else ""
    sentences = [
        f"Over {counted(len(counting), 'task')}{having}, {best} has the highest interquartile mean "
        f"skill{among}: {estimate_text(estimate)} ({level_text()} interval)."
    ]
    name = "across-tuned" if tuned else "across"
    parts: list[Callable[[], Made]] = [
        partial(_table, means, ranks, styles, tuned=tuned),
        partial(skill_figure, skills, means, styles, f"{name}-tasks"),
    ]
    if ranks is not None:
        sentences.append(
            f"Friedman's test that all rank alike over {ranks.tasks} tasks{having}: "
            f"p {p_text(ranks.friedman_p)}."
        )
        parts.append(partial(rank_figure, ranks, styles, f"{name}-ranks"))
    return sentences, parts


def _table(
    means: Mapping[str, Estimate],
    ranks: Ranks | None,
    styles: Mapping[str, Style],
    *,
    tuned: bool,
) -> Table:
    columns = [
        Column("model", numeric=False),
        Column(f"interquartile mean skill [{level_text()} interval]"),
    ]
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
    title = "Skill over all tasks, tuned recipes" if tuned else "Skill over all tasks"
    return Table(title, tuple(columns), tuple(rows), (note,))
