"""The section on one task: its findings, then tables and figures on the four axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rnnbench.analysis.judged import JudgedTask
from rnnbench.analysis.tuning.recipes import TunedModel
from rnnbench.report.blocks import Made, Section
from rnnbench.report.figures.curves import learning_curves
from rnnbench.report.figures.gradient_history import gradient_histories
from rnnbench.report.figures.gradients import (
    gradient_profiles,
    influence_matrices,
    influence_profiles,
)
from rnnbench.report.figures.plots import recorded_plots
from rnnbench.report.figures.speed import speed_against_length
from rnnbench.report.figures.style import Style
from rnnbench.report.figures.tradeoffs import tradeoffs
from rnnbench.report.page.leaderboard import leaderboard
from rnnbench.report.page.published import published_values
from rnnbench.report.page.sentences import budget, findings
from rnnbench.report.page.tables import comparisons, extra_scores, failures, timings
from rnnbench.report.page.unscored import with_worst


def task_section(
    judged: JudgedTask,
    styles: Mapping[str, Style],
    place: int,
    tuned: Sequence[TunedModel] = (),
    conditions: Sequence[str] = (),
) -> Section:
    """Return the section on a task.

    Args:
        judged: the task.
        styles: styles by label.
        place: numbers the section and its figures.
        tuned: the tuning studies on the task.
        conditions: the lines on what was equal, where they do not open the page.
    """
    task = judged.task
    slug = re.sub(r"[^a-z0-9]+", "-", task.spec.name.lower())[:40].strip("-") or "task"
    name = f"{place:02d}-{slug}"
    parts: tuple[Callable[[], Made], ...] = (
        partial(leaderboard, task, styles),
        partial(leaderboard, task, styles, ahead=True),
        partial(with_worst, task),
        partial(published_values, task, judged.smallest_effect),
        partial(learning_curves, task, styles, f"{name}-learning"),
        *(partial(comparisons, field, task.score_name) for field in judged.fields),
        partial(extra_scores, task),
        partial(recorded_plots, task, styles, f"{name}-plot"),
        partial(tradeoffs, task, styles, f"{name}-cost"),
        partial(gradient_profiles, task, styles, "input", f"{name}-gradient"),
        partial(gradient_profiles, task, styles, "state", f"{name}-state-gradient"),
        partial(gradient_histories, task, styles, f"{name}-gradient-history"),
        partial(influence_profiles, task, styles, f"{name}-influence"),
        partial(influence_matrices, task, styles, f"{name}-influence-matrix"),
        partial(speed_against_length, task, styles, f"{name}-speed"),
        partial(timings, task),
        partial(failures, task),
    )
    return Section(
        task.label,
        f"task-{place}",
        tuple(findings(judged)),
        parts,
        tuple(budget(task, tuned)),
        tuple(conditions),
    )
