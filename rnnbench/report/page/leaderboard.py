"""The leaderboard of a task: every configuration on the four axes, then simple methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rnnbench.analysis.formatting import (
    MISSING,
    censored_text,
    counted,
    estimate_text,
    level_text,
    listed,
    number,
    operations_text,
    rate_text,
    ratio_text,
    seeds_text,
    whole,
)
from rnnbench.analysis.gradients import (
    STABLE_SLOPE,
    WIDEST_STABLE,
    category_text,
    horizon_text,
    influences,
    initial_category,
    initial_half_life,
    initial_options_text,
    memory_horizon,
    reach,
    relevant_influence,
    relevant_ratio,
)
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.remarks import (
    LOOKS_AHEAD,
    marked,
    matched_sizes,
    mixed_processors,
    off_target,
    score_mark,
    still_improving,
)
from rnnbench.analysis.statistics.intervals import Estimate
from rnnbench.errors import one_line
from rnnbench.records.gradient import InfluenceMeasure
from rnnbench.records.speed import Speed, SpeedMode, SpeedPoint
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.figures.style import Style

MOST_REASONS = 12
_UNITS: Mapping[InfluenceMeasure, str] = {
    "total variation": "total variation of the predicted distributions, at most 1",
    "largest total variation": "largest total variation of the predicted distributions of one bit, "
    "at most 1",
    "absolute change": "absolute change of the predictions, in units of the mean absolute "
    "difference between two targets",
}
"""Notes on missing figures below the table; ``rnnbench show`` tells all of a trial."""
MOST_ROWS = 200
"""Rows of any table; the rest are counted, and are in results.csv."""
_MOST_OPTIONS = 8
NOISY = "‡"
NOISY_NOTE = f"{NOISY} the interval is wider than a quarter of the ratio: the timings scattered."
MODES: tuple[SpeedMode, ...] = ("train", "forward", "stream")


def leaderboard(
    task: TaskGroup, styles: Mapping[str, Style], *, ahead: bool = False
) -> Table | None:
    """Return the table, best mean score first.

    Args:
        task: the task.
        styles: styles by label.
        ahead: whether to list the models that look ahead, which solve an easier problem and have a
            table of their own, or all others.
    """
    listed_here = [c for c in task.configurations if c.spec.model.causal is not ahead]
    if not listed_here:
        return None
    notes = _notes(task, listed_here)
    if ahead:
        above = [c for c in task.configurations if c.spec.model.causal]
        said = set(_notes(task, above)) if above else set()
        notes = [note for note in notes if note not in said]
    shown = listed_here[:MOST_ROWS]
    columns = (
        Column("model", numeric=False),
        Column(
            f"{task.score_name} ({task.direction} is better), mean [{level_text()} interval]",
            "learning",
        ),
        Column("skill", "learning"),
        Column("solved", "learning"),
        Column("steps to solve", "learning"),
        Column("parameters", "size"),
        Column("matrix-product FLOPs + elementwise operations per step", "size"),
        Column("state", "size"),
        Column(f"training step over {comparator(task)}, as built {interval(task)}", "speed"),
        Column(f"plain loop over plain loop of {comparator(task)} {interval(task)}", "speed"),
        Column("half-life past | future" if ahead else "half-life", "gradient at initialisation"),
        Column(
            f"slope of the state [{level_text()} interval]",
            "gradient at initialisation",
            numeric=False,
        ),
        Column("memory horizon", "after training"),
        Column("influence where needed", "after training"),
        Column("gradient where needed / elsewhere", "after training"),
        Column("gradient reach", "after training"),
        Column("trials"),
    )
    rows = [Row(_cells(each), colour=_colour(each, styles)) for each in shown]
    rows += [
        Row((label, number(score), number(skill), *[""] * (len(columns) - 3)), simple=True)
        for label, score, skill in simple_methods(task)
    ]
    title = "Models that look ahead" if ahead else "Leaderboard"
    return Table(title, columns, tuple(rows), tuple(notes))


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
    """Return the ratio of the plain loops, or that none was timed."""
    if speed is not None and not speed.plain_points:
        return "not timed"
    return _ratio(None if speed is None else speed.plain_loop(mode))


def _ratio(point: SpeedPoint | None) -> str:
    if point is None:
        return MISSING
    return f"{ratio_text(point.ratio)}{f' {NOISY}' if point.noisy else ''}"


def _cells(configuration: Configuration) -> tuple[str, ...]:
    """Return the row of a configuration."""
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
        *_initial_gradient(configuration),
        horizon_text(memory_horizon(configuration)),
        number(relevant_influence(configuration)),
        _relevant_ratio(configuration),
        _reach(configuration),
        f"{len(configuration.scores)}/{len(configuration.records)}",
    )


def _value(estimate: Estimate | None) -> str:
    return MISSING if estimate is None else number(estimate.value)


def _steps_to_solve(configuration: Configuration) -> str:
    if configuration.solved is None:
        return MISSING
    return censored_text(configuration.steps_to_solve, configuration.spec.settings.steps)


def _initial_gradient(configuration: Configuration) -> tuple[str, str]:
    state = category_text(initial_category(configuration))
    if configuration.spec.model.causal:
        return number(initial_half_life(configuration)), state
    past, future = (initial_half_life(configuration, each) for each in ("past", "future"))
    return f"{number(past)} | {number(future)}", state


def _relevant_ratio(configuration: Configuration) -> str:
    ratio = relevant_ratio(configuration, "trained")
    return MISSING if ratio is None else f"{number(ratio)}×"


def _reach(configuration: Configuration) -> str:
    # a model that looks ahead is measured from its middle step, so that half the lags are missing
    steps = reach(configuration, "trained") if configuration.spec.model.causal else None
    return MISSING if steps is None else f"{steps:,g}"


def _colour(configuration: Configuration, styles: Mapping[str, Style]) -> str | None:
    style = styles.get(configuration.label)
    return None if style is None else style.colour


def _gradient_notes(configurations: Sequence[Configuration]) -> list[str]:
    notes = []
    if any(each.profiles("input", "init") for each in configurations):
        options = [
            f"{each.label}: {text}"
            for each in configurations
            if (text := initial_options_text(each)) and each.gradients
        ]
        named = "; ".join(options[:_MOST_OPTIONS])
        notes.append(
            "Half-life: time steps in which the gradient at the input halves, from the median "
            "slope over seeds; ∞: it does not decay. It is a property of the initial weights"
            + (f", which these options set: {named}" if options else "")
            + ". It says whether the far past can be learned from, not whether it will be."
        )
        notes.append(
            "Slope of ln G per step through the state, with its t-interval over seeds; stable: the "
            f"interval lies within ±{STABLE_SLOPE}, or holds 0 and stays within ±{WIDEST_STABLE}."
        )
    for reason, labels in _undetermined(configurations).items():
        notes.append(f"No category for {listed(labels)}: {reason}.")
    if any(not each.spec.model.causal and each.gradients for each in configurations):
        notes.append(
            "The half-lives of models that look ahead are taken from the middle step, in both "
            "directions, and are not comparable with the others."
        )
    if found := [each for c in configurations for each in influences(c)]:
        unit = _UNITS[found[0].measure]
        notes.append(
            f"Influence: change of the output when one input is replaced by another of the data "
            f"({unit}). Memory horizon: largest lag in time steps with an influence above "
            f"{number(max(each.floor for each in found))}; ≥: the largest lag that the test "
            "sequences have; none: no lag, which redundant inputs, or inputs that matter in few "
            "sequences, may explain as well as a lack of memory. Where needed: inputs that the "
            "task declares as needed."
        )
    return notes


def _undetermined(configurations: Sequence[Configuration]) -> dict[str, list[str]]:
    """Return the labels of configurations without a category, by the reason."""
    found: dict[str, list[str]] = {}
    for each in configurations:
        reason = initial_category(each).reason if each.gradients else ""
        if reason:
            found.setdefault(reason, []).append(each.label)
    return found


def _notes(task: TaskGroup, configurations: Sequence[Configuration]) -> list[str]:
    notes = []
    seeds = sorted({len(c.scores) for c in configurations if c.scores})
    if seeds:
        worth = "; ".join(seeds_text(n) for n in seeds[:3])
        notes.append(f"Intervals: {worth}. Solved: rates with Wilson's {level_text()} interval.")
    if task.learning is not None and task.learning.unsolvable:
        notes.append(f"No score counts as solved: {task.learning.unsolvable}.")
    if any(c.item_error is not None for c in configurations):
        notes.append(
            "The test set is finite and the same for every seed: the intervals of scores also hold "
            "the choice of its items."
        )
    notes += _gradient_notes(configurations)
    if any(not configuration.spec.model.causal for configuration in configurations):
        notes.append(
            f"{LOOKS_AHEAD} looks ahead: it reads the whole sequence before it answers, "
            "and cannot stream."
        )
    if any(configuration.speeds for configuration in configurations):
        notes.append(
            "Speed: as built is what a user gets, each model with the kernel that torch runs for "
            "it; plain loop over plain loop compares like with like, both written in Python step "
            "by step. A plain loop is not timed where the model has none, or where its training "
            "step is slow. Intervals are of the median over processes."
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
    remarks = (off_target(task), matched_sizes(task), still_improving(task), mixed_processors(task))
    notes += [note for note in remarks if note]
    notes += _missing_figures(configurations)
    if (left_out := len(configurations) - MOST_ROWS) > 0:
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
