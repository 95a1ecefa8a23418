"""The leaderboard of a task: every configuration on the four axes, then simple methods."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from rnnbench.analysis.formatting import (
    MISSING,
    censored_text,
    counted,
    estimate_text,
    listed,
    number,
    operations_text,
    rate_text,
    ratio_text,
    seeds_text,
    whole,
)
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.intervals import Estimate
from rnnbench.analysis.remarks import mixed_processors, score_mark, still_improving
from rnnbench.errors import one_line
from rnnbench.records.result import Speed, SpeedMode, SpeedPoint
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.figures.style import Style

MOST_REASONS = 12
"""Notes on missing figures below the table; ``rnnbench show`` tells all of a trial."""
MOST_ROWS = 200
"""Rows of any table; the rest are counted, and are in results.csv."""
LOOKS_AHEAD, NOISY = "†", "‡"
NOISY_NOTE = f"{NOISY} the interval is wider than a quarter of the ratio: the timings scattered."
MODES: tuple[SpeedMode, ...] = ("train", "forward", "stream")


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
        Column("matrix-product FLOPs + elementwise operations per step", "size"),
        Column("state", "size"),
        Column(f"training step over {comparator(task)}, as built {interval(task)}", "speed"),
        Column(f"plain loop over plain loop of {comparator(task)} {interval(task)}", "speed"),
        Column("half-life at init", "gradient reach"),
        Column("half-life trained", "gradient reach"),
        Column("slope trained", "gradient reach", numeric=False),
        Column("trials"),
    )
    rows = [Row(_cells(each), colour=_colour(each, styles)) for each in shown]
    rows += [
        Row((label, number(score), number(skill), *[""] * 11), simple=True)
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


def interval(task: TaskGroup) -> str:
    """Return the heading of the intervals of ratios on a task, e.g. ``[97 % interval]``."""
    levels = {
        point.ratio.level
        for configuration in task.configurations
        for speed in configuration.speeds
        for mode in MODES
        if (point := speed.at_own_length(mode)) is not None
    }
    if not levels or max(levels) == 0:
        return "[interval]"
    low, high = f"{100 * min(levels):.0f}", f"{100 * max(levels):.0f}"
    return f"[{low} % interval]" if low == high else f"[{low}–{high} % interval]"


def as_built_text(speed: Speed | None, mode: SpeedMode) -> str:
    """Return the ratio as built, marked where it is noisy."""
    return _ratio(None if speed is None else speed.at_own_length(mode))


def plain_loop_text(speed: Speed | None, mode: SpeedMode) -> str:
    """Return the ratio of the plain loops, or that the model has none."""
    if speed is not None and not speed.plain_points:
        return "no plain loop"
    return _ratio(None if speed is None else speed.plain_loop(mode))


def _ratio(point: SpeedPoint | None) -> str:
    if point is None:
        return MISSING
    return f"{ratio_text(point.ratio)}{f' {NOISY}' if point.noisy else ''}"


def marked(configuration: Configuration) -> str:
    """Return the label, marked when the model looks ahead."""
    label = configuration.label
    return label if configuration.spec.model.causal else f"{label} {LOOKS_AHEAD}"


def _cells(configuration: Configuration) -> tuple[str, ...]:
    size = configuration.size
    return (
        marked(configuration),
        f"{estimate_text(configuration.score)}{score_mark(configuration)}",
        _value(configuration.skill),
        rate_text(configuration.solved),
        _steps_to_solve(configuration),
        MISSING if size is None else whole(size.params_total),
        operations_text(size),
        MISSING if size is None else whole(size.state_size),
        as_built_text(configuration.speed, "train"),
        plain_loop_text(configuration.speed, "train"),
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
    if any(configuration.speeds for configuration in configurations):
        notes.append(
            "Speed: as built is what a user gets, each model with the kernel that torch runs for "
            "it; plain loop over plain loop compares like with like, both written in Python step "
            "by step. Intervals are of the median over processes."
        )
    points = (
        point for c in configurations for point in (c.speed_point("train"), c.plain_loop("train"))
    )
    if any(point is not None and point.noisy for point in points):
        notes.append(NOISY_NOTE)
    if any(configuration.diverged for configuration in configurations):
        notes.append(
            "Diverged trials have no score and count as unsolved; "
            "means are over the trials that have one."
        )
    notes += [note for note in (still_improving(task), mixed_processors(task)) if note]
    notes += _missing_figures(configurations)
    if left_out := len(configurations) - shown:
        notes.append(f"{counted(left_out, 'more configuration')} in results.csv.")
    return notes


def _missing_figures(configurations: Sequence[Configuration]) -> list[str]:
    """Return why figures are missing, each reason once with the models that it applies to."""
    labels: dict[str, dict[str, None]] = {}
    for configuration in configurations:
        for record in configuration.records:
            for note in record.result.all_notes:
                labels.setdefault(note, {})[configuration.label] = None
    notes = [
        f"{listed(list(models), most=6)}: {one_line(reason, 300)}"
        for reason, models in list(labels.items())[:MOST_REASONS]
    ]
    if (left_out := len(labels) - MOST_REASONS) > 0:
        notes.append(
            f"{counted(left_out, 'more missing figure')}; to see them, type: rnnbench show TRIAL"
        )
    return notes
