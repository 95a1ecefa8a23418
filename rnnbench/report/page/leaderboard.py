"""The leaderboard of a task: every configuration on the four axes, then simple methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rnnbench.analysis.formatting import (
    MISSING,
    censored_text,
    compact,
    counted,
    estimate_text,
    listed,
    number,
    quartiles_text,
    rate_text,
    seeds_text,
    whole,
)
from rnnbench.analysis.gradients import (
    STABLE_SLOPE,
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
from rnnbench.analysis.stats import Estimate
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.figures.style import Style

MOST_ROWS = 200
"""Rows of any table; the rest are counted, and are in results.csv."""
_MOST_OPTIONS = 8
_EXPECTED_NOTES = ("no state profile: ", "no Lyapunov exponents: ")
"""Notes on measurements that do not exist for a model; the category's reason says so already."""
LOOKS_AHEAD, NOISY = "†", "‡"


def leaderboard(task: TaskGroup, styles: Mapping[str, Style]) -> Table:
    """Return the table, best mean score first."""
    shown = task.configurations[:MOST_ROWS]
    ahead = any(not each.spec.model.causal for each in shown)
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
        Column("half-life", "gradient at initialisation"),
        Column("slope of the state [95 % interval]", "gradient at initialisation", numeric=False),
        *([Column("half-life past | future", "gradient at initialisation")] if ahead else []),
        Column("memory horizon", "after training"),
        Column("influence where needed", "after training"),
        Column("gradient where needed / elsewhere", "after training"),
        Column("gradient reach", "after training"),
        Column("trials"),
    )
    rows = [Row(_cells(each, ahead), colour=_colour(each, styles)) for each in shown]
    rows += [
        Row((label, number(score), number(skill), *[""] * (len(columns) - 3)), simple=True)
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


def _cells(configuration: Configuration, ahead: bool) -> tuple[str, ...]:
    """Return a row; ``ahead`` adds the column of models that look ahead."""
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
        *_initial_gradient(configuration, ahead),
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


def _speed_ratio(configuration: Configuration) -> str:
    point = configuration.speed_point("train")
    if point is None:
        return MISSING
    mark = f" {NOISY}" if configuration.noisy else ""
    return f"{quartiles_text(point.ratio, '×')}{mark}"


def _initial_gradient(configuration: Configuration, ahead: bool) -> tuple[str, ...]:
    state = category_text(initial_category(configuration))
    if configuration.spec.model.causal:
        return (number(initial_half_life(configuration)), state, *([""] if ahead else []))
    past, future = (initial_half_life(configuration, each) for each in ("past", "future"))
    return (MISSING, state, f"{number(past)} | {number(future)}")


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
            f"interval holds 0, or lies within ±{STABLE_SLOPE}."
        )
    for reason, labels in _undetermined(configurations).items():
        notes.append(f"No category for {listed(labels)}: {reason}.")
    if any(not each.spec.model.causal and each.gradients for each in configurations):
        notes.append(
            "The half-lives of models that look ahead are taken from the middle step, in both "
            "directions, and are not comparable with the others."
        )
    if found := [each for c in configurations for each in influences(c)]:
        unit = (
            "total variation of the predicted distributions, at most 1"
            if found[0].measure == "total variation"
            else "absolute change of the predictions, in units of the mean absolute difference "
            "between two targets"
        )
        notes.append(
            f"Influence: change of the output when one input is replaced by another of the data "
            f"({unit}). Memory horizon: largest lag in time steps with an influence above "
            f"{number(max(each.floor for each in found))}; ≥: the largest lag that the test "
            "sequences have; none: no lag. Where needed: inputs that the task declares as needed."
        )
    missing = dict.fromkeys(
        note
        for each in configurations
        for gradient in each.gradients
        for note in gradient.notes
        if not note.startswith(_EXPECTED_NOTES)
    )
    notes += [f"Missing: {note}." for note in list(missing)[:_MOST_OPTIONS]]
    return notes


def _undetermined(configurations: Sequence[Configuration]) -> dict[str, list[str]]:
    """Return the labels of configurations without a category, by the reason."""
    found: dict[str, list[str]] = {}
    for each in configurations:
        reason = initial_category(each).reason if each.gradients else ""
        if reason:
            found.setdefault(reason, []).append(each.label)
    return found


def _notes(task: TaskGroup, shown: int) -> list[str]:
    notes = []
    seeds = sorted({len(configuration.scores) for configuration in task.scored})
    if seeds:
        worth = "; ".join(seeds_text(n) for n in seeds[:3])
        notes.append(f"Intervals: {worth}. Solved: rates with Wilson's 95 % interval.")
    configurations = task.configurations
    notes += _gradient_notes(configurations)
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
