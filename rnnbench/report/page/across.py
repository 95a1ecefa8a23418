"""The section across tasks: the leaderboard over tasks, performance profiles and mean ranks."""

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
from rnnbench.analysis.formatting import counted, number, p_text
from rnnbench.analysis.groups import TaskGroup
from rnnbench.report.blocks import Made, Section
from rnnbench.report.figures.across import rank_figure, skill_figure
from rnnbench.report.figures.style import Style
from rnnbench.report.page.standings import leaderboard_over


def across_section(tasks: Sequence[TaskGroup], styles: Mapping[str, Style]) -> Section | None:
    """Return the section, or ``None`` where fewer than two models were trained on every task.

    Levels of a difficulty sweep are left out: they are no independent tasks.
    """
    counting = independent_tasks(tasks)
    if len(counting) < 2:
        return None
    sentences, parts = leaderboard_over(counting, styles)
    for tuned in (False, True):
        skills = skills_on_all_tasks(counting, tuned=tuned)
        if len(skills) > 1:
            lines, made = _of_recipes(skills, styles, tuned=tuned)
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
    skills: SkillsByTask, styles: Mapping[str, Style], *, tuned: bool
) -> tuple[list[str], list[Callable[[], Made]]]:
    """Return sentences and blocks on default recipes, or on tuned ones."""
    means = interquartile_means(skills)
    ranks = rank_configurations(skills)
    name = "across-tuned" if tuned else "across"
    parts: list[Callable[[], Made]] = [
        partial(skill_figure, skills, means, styles, f"{name}-tasks")
    ]
    sentences = []
    if ranks is not None:
        sentences += _rank_sentences(ranks, " with tuned recipes" if tuned else "")
        parts.append(partial(rank_figure, ranks, styles, f"{name}-ranks"))
    return sentences, parts


def _rank_sentences(ranks: Ranks, having: str) -> list[str]:
    """Return what the ranks tell about other tasks: Friedman's test and critical differences."""
    best = str(ranks.mean.idxmin())
    worse = [
        label
        for label in ranks.mean.index
        if label != best and ranks.mean[label] - ranks.mean[best] >= ranks.critical_difference
    ]
    critical = number(ranks.critical_difference)
    return [
        f"Friedman's test that all rank alike over {ranks.tasks} tasks{having}: "
        f"p {p_text(ranks.friedman_p)}.",
        f"For other tasks{having}: mean ranks have to differ by {critical} "
        f"(Nemenyi's critical difference at 5 %, Demšar 2006); {best} has the best mean rank, "
        f"{number(float(ranks.mean[best]))}, and {len(worse)} of the {len(ranks.mean) - 1} others "
        f"{'is' if len(worse) == 1 else 'are'} further away than that.",
    ]
