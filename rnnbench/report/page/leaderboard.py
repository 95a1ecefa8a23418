"""The leaderboard of a task: every configuration on the four axes, with the scores of analytic
predictors beneath.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from statistics import median

from rnnbench.analysis.formatting import (
    MISSING,
    censored_text,
    compact,
    counted,
    estimate_text,
    number,
    quartiles_text,
    rate_text,
    whole,
)
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.stats import Estimate, seeds_in_words
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.figures.style import Look

MOST_ROWS = 200
"""Rows of any table; what is left out is counted, and is in results.csv."""
LOOKS_AHEAD, NOISY = "†", "‡"


def leaderboard(task: TaskGroup, looks: Mapping[str, Look]) -> Table:
    """Return the table, best mean score first."""
    shown = task.configurations[:MOST_ROWS]
    name = task.learning.score_name if task.learning is not None else "score"
    columns = (
        Column("model", numeric=False),
        Column(f"{name} ({task.direction} is better), mean [interval]", "learning"),
        Column("skill", "learning"),
        Column("solved", "learning"),
        Column("steps to solve", "learning"),
        Column("parameters", "size"),
        Column("FLOPs per step", "size"),
        Column("state", "size"),
        Column("training step over reference (IQR)", "speed"),
        Column("half-life at init", "gradient reach"),
        Column("half-life trained", "gradient reach"),
        Column("slope trained", "gradient reach", numeric=False),
        Column("trials"),
    )
    rows = [
        Row(_cells(configuration), colour=_colour(configuration, looks)) for configuration in shown
    ]
    rows += [
        Row((label, number(score), number(skill), *[""] * 10), reference=True)
        for label, score, skill in references(task)
    ]
    return Table("Leaderboard", columns, tuple(rows), tuple(_notes(task, len(shown))))


def references(task: TaskGroup) -> list[tuple[str, float, float]]:
    """Return (name, score, skill) of the perfect score, the baseline and further predictors, best
    first.
    """
    learning = task.learning
    if learning is None:
        return []
    scores = {"perfect": learning.perfect, "baseline": learning.baseline} | {
        name: score for name, score in learning.reference_scores.items() if math.isfinite(score)
    }
    span = learning.perfect - learning.baseline
    found = [
        (name, score, (score - learning.baseline) / span if span else math.nan)
        for name, score in scores.items()
    ]
    return sorted(found, key=lambda row: -task.sign * row[1])[:20]


def marked(configuration: Configuration) -> str:
    """Return the label, marked when the model looks ahead."""
    return (
        configuration.label
        if configuration.spec.model.causal
        else f"{configuration.label} {LOOKS_AHEAD}"
    )


def _cells(configuration: Configuration) -> tuple[str, ...]:
    size, point = configuration.size, configuration.speed_point("train")
    noisy = bool(configuration.speeds) and configuration.speeds[-1].noisy
    return (
        marked(configuration),
        estimate_text(configuration.score),
        _value(configuration.skill),
        rate_text(configuration.solved),
        MISSING
        if configuration.solved is None
        else censored_text(configuration.steps_to_solve, configuration.spec.settings.steps),
        MISSING if size is None else whole(size.params_total),
        MISSING if size is None else compact(size.flops_per_step),
        MISSING if size is None else whole(size.state_size),
        MISSING
        if point is None
        else quartiles_text(point.ratio, "×") + (f" {NOISY}" if noisy else ""),
        number(configuration.half_life("init")),
        number(configuration.half_life("trained")),
        _slope(configuration),
        f"{len(configuration.scores)}/{len(configuration.records)}",
    )


def _value(estimate: Estimate | None) -> str:
    return MISSING if estimate is None else number(estimate.value)


def _slope(configuration: Configuration) -> str:
    profiles = configuration.profiles("input", "trained")
    slopes = [profile.slope for profile in profiles if profile.slope is not None]
    categories = Counter(
        profile.category for profile in profiles if profile.category is not None
    ).most_common()
    if not slopes:
        return MISSING
    word = "" if not categories else f", {categories[0][0]}"
    if len(categories) > 1:
        word += f" {categories[0][1]}/{sum(count for _, count in categories)}"
    return f"{number(median(slopes))}{word}"


def _colour(configuration: Configuration, looks: Mapping[str, Look]) -> str | None:
    look = looks.get(configuration.label)
    return None if look is None else look.colour


def _notes(task: TaskGroup, shown: int) -> list[str]:
    notes = []
    seeds = sorted({len(configuration.scores) for configuration in task.scored})
    if seeds:
        notes.append(
            f"Intervals: {'; '.join(seeds_in_words(n) for n in seeds[:3])}. Solved: rates with Wilson's 95 % interval."
        )
    if any(configuration.profiles("input", "init") for configuration in task.configurations):
        notes.append(
            "Half-lives in time steps and slopes of ln G per step are medians over seeds; ∞: the gradient does not decay."
        )
    if any(not configuration.spec.model.causal for configuration in task.configurations):
        notes.append(
            f"{LOOKS_AHEAD} looks ahead: it reads the whole sequence before it answers, and cannot stream."
        )
    if any(
        configuration.speeds and configuration.speeds[-1].noisy
        for configuration in task.configurations
    ):
        notes.append(f"{NOISY} the timings scattered too much for this ratio to be trusted.")
    if any(configuration.diverged for configuration in task.configurations):
        notes.append(
            "Diverged trials have no score and count as unsolved; means are over the trials that have one."
        )
    if shown < len(task.configurations):
        notes.append(
            f"{counted(len(task.configurations) - shown, 'more configuration')} in results.csv."
        )
    return notes
