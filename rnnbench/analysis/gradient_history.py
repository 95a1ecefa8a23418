"""Gradients through training over the seeds of a configuration: what figures and lines show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from rnnbench.analysis.groups import Configuration
from rnnbench.analysis.statistics.intervals import Floats
from rnnbench.records.gradient_history import GradientHistory, GradientPoint
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings


@dataclass(frozen=True)
class Seed:
    """The history of one trial, and whether the trial diverged."""

    history: GradientHistory
    diverged: bool


@dataclass(frozen=True)
class LagMap:
    """G(k) by lag and optimizer step.

    Attributes:
        steps: optimizer steps, ascending.
        lags: lags in time steps, ascending.
        values: medians over seeds (lags, steps); infinite after an overflow, NaN where the median
            trial has none.
    """

    steps: tuple[int, ...]
    lags: tuple[int, ...]
    values: Floats


def seeds_of(configuration: Configuration) -> list[Seed]:
    """Return the histories of a configuration's trials, by seed."""
    return [
        Seed(record.result.gradient_history, record.result.status is Status.DIVERGED)
        for record in configuration.records
        if record.result.gradient_history is not None
    ]


def lag_map(seeds: Sequence[Seed], of: Callable[[GradientPoint], Sequence[float]]) -> LagMap | None:
    """Return the median of G(k) over seeds, by lag and step; ``None`` where none was measured.

    Seeds without a measurement at a step, such as those that diverged before it, are left out of
    its median. Lags are those that all seeds have: sequences of varied lengths have others at
    another seed.

    Args:
        seeds: of one configuration.
        of: the values of a point, into the past or into the future.
    """
    found = [
        {point.step: of(point) for point in each.history.points if len(of(point))} for each in seeds
    ]
    measured = [(each.history, steps) for each, steps in zip(seeds, found, strict=True) if steps]
    if not measured:
        return None
    lags = sorted(set.intersection(*(set(history.lags) for history, _ in measured)))
    steps = sorted({step for _, by_step in measured for step in by_step})
    values = np.full((len(lags), len(steps)), np.nan)
    for column, step in enumerate(steps):
        here = [
            [by_step[step][history.lags.index(lag)] for lag in lags]
            for history, by_step in measured
            if step in by_step
        ]
        # NaN follows infinity in an explosion, and is larger than every number here
        ordered = np.sort(np.array(here), axis=0)
        values[:, column] = ordered[(len(here) - 1) // 2] if len(here) % 2 else _middle(ordered)
    return LagMap(tuple(steps), tuple(lags), values)


def _middle(ordered: Floats) -> Floats:
    """Return the geometric mean of the two middle rows of an even number of rows."""
    low, high = ordered[len(ordered) // 2 - 1], ordered[len(ordered) // 2]
    with np.errstate(invalid="ignore"):
        middle: Floats = np.sqrt(low) * np.sqrt(high)
    return middle


def median_norms(seeds: Sequence[Seed]) -> list[tuple[int, float]]:
    """Return (step, median over seeds of their median norms) of the steps that any seed has."""
    by_step: dict[int, list[float]] = {}
    for each in seeds:
        for point in each.history.points:
            if point.norm_median is not None:
                by_step.setdefault(point.step, []).append(point.norm_median)
    return [(step, median(by_step[step])) for step in sorted(by_step)]


def line_of(record: Record) -> str | None:
    """Return one line on the gradients through a trial's training; ``None`` if not recorded."""
    history = record.result.gradient_history
    if history is None:
        return None
    largest = history.largest
    if largest is None:
        return "gradient norm: no step had a norm that is a number"
    medians = [point.norm_median for point in history.points if point.norm_median is not None]
    parts = [
        f"gradient norm before clipping ({clipping(record.spec.settings)}): "
        f"median {median(medians):.3g}, largest {largest.norm_max:.3g} by step {largest.step}"
    ]
    if history.nonfinite_steps:
        parts.append(f"{history.nonfinite_steps} steps infinite or NaN")
    profiled = sum(bool(point.past) for point in history.points)
    if profiled:
        parts.append(f"G(k) at {len(history.lags)} lags and {profiled} steps")
    return "; ".join(parts)


def clipping(settings: Settings) -> str:
    """Return how the gradient was clipped, in words."""
    if settings.clip_norm is not None:
        return f"norm clipped to {settings.clip_norm:g}"
    if settings.clip_value is not None:
        return f"values clipped to {settings.clip_value:g}"
    return "not clipped"
