"""The leaderboard of a task: every configuration on the four axes, then simple methods."""

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
    seeds_text,
    whole,
)
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.stats import Estimate
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.figures.style import Style

MOST_ROWS = 200
"""Rows of any table; the rest are counted, and are in results.csv."""
LOOKS_AHEAD, NOISY = "†", "‡"


def leaderboard(task: TaskGroup, styles: Mapping[str, Style]) -> Table:
    """Return the table, best mean score first."""
    shown = task.configurations[:MOST_ROWS]
    columns = (
        Column("model", numeric=False),
        Column(f"{task.score_name} ({task.direction} is better), mean [interval]", "learning"),
        Column("skill", "learning"),
        Column("solved", "learning"),
        Column("steps to solve", "learning"),
        Column("parameters", "size"),
        Column("FLOPs per step", "size"),
        Column("state", "size"),
        Column(f"training step over {comparator(task)} (IQR)", "speed"),
        Column("half-life at init", "gradient reach"),
        Column("half-life trained", "gradient reach"),
        Column("slope trained", "gradient reach", numeric=False),
        Column("trials"),
    )
    rows = [Row(_cells(each), colour=_colour(each, styles)) for each in shown]
    rows += [
        Row((label, number(score), number(skill), *[""] * 10), simple=True)
        for label, score, skill in simple_methods(task)
    ]
    return Table("Leaderboard", columns, tuple(rows), tuple(_notes(task, len(shown))))


def simple_methods(task: TaskGroup) -> list[tuple[str, float, float]]:
    """Return (name, score, skill) of simple methods, the baseline and perfection, best first."""
    learning = task.learning
    if learning is None:
        return []
    scores = {"perfect": learning.perfect, "baseline": learning.baseline} | {
        name: score for name, score in learning.simple_scores.items() if math.isfinite(score)
    }
    span = learning.perfect - learning.baseline
    found = [
        (name, score, (score - learning.baseline) / span if span else math.nan)
        for name, score in scores.items()
    ]
    return sorted(found, key=lambda row: -task.sign * row[1])[:20]


def comparator(task: TaskGroup) -> str:
    """Return the model that the speeds on a task are ratios to."""
    return next((c.comparator for c in task.configurations if c.comparator), "the comparator")


def marked(configuration: Configuration) -> str:
    """Return the label, marked when the model looks ahead."""
    label = configuration.label
    return label if configuration.spec.model.causal else f"{label} {LOOKS_AHEAD}"


def _cells(configuration: Configuration) -> tuple[str, ...]:
    size = configuration.size
    return (
        marked(configuration),
        estimate_text(configuration.score),
        _value(configuration.skill),
        rate_text(configuration.solved),
        _steps_to_solve(configuration),
        MISSING if size is None else whole(size.params_total),
        MISSING if size is None else compact(size.flops_per_step),
        MISSING if size is None else whole(size.state_size),
        _speed_ratio(configuration),
        number(configuration.half_life("init")),
        number(configuration.half_life("trained")),
        _slope(configuration),
        f"{len(configuration.scores)}/{len(configuration.records)}",
    )


def _value(estimate: Estimate | None) -> str:
    return MISSING if estimate is None else number(estimate.value)


def _steps_to_solve(configuration: Configuration) -> str:
    if configuration.solved is None:
        return MISSING
    return censored_text(configuration.steps_to_solve, configuration.spec.settings.steps)


def _speed_ratio(configuration: Configuration) -> str:
    point = configuration.speed_point("train")
    if point is None:
        return MISSING
    mark = f" {NOISY}" if configuration.noisy else ""
    return f"{quartiles_text(point.ratio, '×')}{mark}"


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


def _colour(configuration: Configuration, styles: Mapping[str, Style]) -> str | None:
    style = styles.get(configuration.label)
    return None if style is None else style.colour


def _notes(task: TaskGroup, shown: int) -> list[str]:
    notes = []
    seeds = sorted({len(configuration.scores) for configuration in task.scored})
    if seeds:
        worth = "; ".join(seeds_text(n) for n in seeds[:3])
        notes.append(f"Intervals: {worth}. Solved: rates with Wilson's 95 % interval.")
    if task.learning is not None and task.learning.unsolvable:
        notes.append(f"No score counts as solved: {task.learning.unsolvable}.")
    configurations = task.configurations
    if any(configuration.profiles("input", "init") for configuration in configurations):
        notes.append(
            "Half-lives in time steps and slopes of ln G per step are medians over seeds; "
            "∞: the gradient does not decay."
        )
    if any(not configuration.spec.model.causal for configuration in configurations):
        notes.append(
            f"{LOOKS_AHEAD} looks ahead: it reads the whole sequence before it answers, "
            "and cannot stream."
        )
    if any(configuration.noisy for configuration in configurations):
        notes.append(f"{NOISY} the timings scattered too much for this ratio to be trusted.")
    if any(configuration.diverged for configuration in configurations):
        notes.append(
            "Diverged trials have no score and count as unsolved; "
            "means are over the trials that have one."
        )
    if left_out := len(configurations) - shown:
        notes.append(f"{counted(left_out, 'more configuration')} in results.csv.")
    return notes
