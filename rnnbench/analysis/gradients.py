"""Gradient and influence of a configuration: summaries over its seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, median_low, stdev
from typing import Literal, TypeAlias

from scipy import stats

from rnnbench.analysis.formatting import MISSING, number
from rnnbench.analysis.groups import Configuration
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.records.gradient import Influence, Profile, half_life
from rnnbench.records.syntax import OptionValue, option_text

STABLE_SLOPE = 0.01
"""Largest absolute slope of a stable state, in ln G per step: it halves or doubles in 69 steps."""
WIDEST_STABLE = 0.1
"""A stable interval reaches no further than this from 0, where G halves or doubles in 7 steps."""

_ENDINGS = ("_bias", "_init")

Category: TypeAlias = Literal["vanishing", "stable", "exploding", "undetermined"]


@dataclass(frozen=True)
class InitialCategory:
    """Whether gradients through the state vanish, stay or explode at initialisation.

    Attributes:
        name: the category.
        slope: mean slope of ln G(k) of the full state per step, over seeds.
        low: lower limit of its 95 % t-interval over seeds; ``None`` below two seeds.
        high: its upper limit.
        seeds: number of seeds with a slope.
        reason: why the category is undetermined; empty otherwise.
    """

    name: Category
    slope: float | None
    low: float | None
    high: float | None
    seeds: int
    reason: str = ""


def initial_category(configuration: Configuration) -> InitialCategory:
    """Return the category of a configuration at initialisation, from the slope of its state.

    ``stable``: the interval over seeds holds 0 and reaches no further than 0.1 per step, or it lies
    within ±0.01 per step. ``vanishing`` and ``exploding``: it lies below and above 0. It is
    undetermined below two seeds, where the interval is too wide, and without a state of fixed size.

    The slope of the state profile is used, not the leading exponent: over a short sequence the
    finite-time exponent contains the transient of non-normal Jacobians divided by the length.
    """
    profiles = configuration.profiles("state", "init")
    if not profiles:
        notes = [note for gradient in configuration.gradients for note in gradient.notes]
        reason = next((note for note in notes if note.startswith("no state profile")), "")
        return _undetermined(reason.partition(": ")[2] or "no state profile was measured")
    slopes = [profile.slope for profile in profiles if profile.slope is not None]
    if len(slopes) < len(profiles) and all(_cut_off(p) for p in profiles if p.slope is None):
        if not slopes:
            return InitialCategory("vanishing", None, None, None, len(profiles))
        return _undetermined("the gradient ends in zeros for some seeds only")
    if not slopes:
        return _undetermined("the profile is too short for a slope")
    centre, n = mean(slopes), len(slopes)
    if n < 2:
        return InitialCategory(
            "undetermined", centre, None, None, n, "one seed has no interval; run two or more"
        )
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * stdev(slopes) / math.sqrt(n)
    low, high = centre - half, centre + half
    reason = ""
    name: Category
    if max(abs(low), abs(high)) <= STABLE_SLOPE:
        name = "stable"
    elif high < 0:
        name = "vanishing"
    elif low > 0:
        name = "exploding"
    elif max(abs(low), abs(high)) <= WIDEST_STABLE:
        name = "stable"
    else:
        name, reason = "undetermined", "the interval holds 0 and is too wide; run more seeds"
    return InitialCategory(name, centre, low, high, n, reason)


def _undetermined(reason: str) -> InitialCategory:
    return InitialCategory("undetermined", None, None, None, 0, reason)


def _cut_off(profile: Profile) -> bool:
    return bool(profile.values) and profile.values[-1] == 0


def median_slope(
    configuration: Configuration, of: str, when: str, direction: str = "past"
) -> float | None:
    """Return the median over seeds of a profile's slope, in ln G per step."""
    profiles = configuration.profiles(of, when, direction)
    slopes = [profile.slope for profile in profiles if profile.slope is not None]
    return median(slopes) if slopes else None


def initial_half_life(configuration: Configuration, direction: str = "past") -> float | None:
    """Return ``ln 2 / -slope`` of the median slope of the input profile at initialisation."""
    slope = median_slope(configuration, "input", "init", direction)
    return None if slope is None else half_life(slope)


def reach(configuration: Configuration, when: str) -> float | None:
    """Return the median over seeds of the reach of the input profile, in steps."""
    reaches = [profile.reach for profile in configuration.profiles("input", when)]
    return median(reaches) if reaches else None


def relevant_ratio(configuration: Configuration, when: str) -> float | None:
    """Return the median over seeds of the gradient where the task needs it, over that elsewhere."""
    found = (profile.relevant_ratio for profile in configuration.profiles("input", when))
    ratios = [ratio for ratio in found if ratio is not None]
    return median(ratios) if ratios else None


def influences(configuration: Configuration, direction: str = "past") -> list[Influence]:
    """Return the influence profiles after training, one per seed that has one."""
    found = (gradient.influence_towards(direction) for gradient in configuration.gradients)
    return [each for each in found if each is not None]


def relevant_influence(configuration: Configuration) -> float | None:
    """Return the median over seeds of the influence of the inputs that the task needs."""
    found = [each.relevant for each in influences(configuration) if each.relevant is not None]
    return median(found) if found else None


@dataclass(frozen=True)
class Horizon:
    """Memory horizon over seeds.

    Attributes:
        steps: median over seeds; ``None`` where at least half of them have no influence above the
            floor.
        censored: whether at least half of the seeds have influence at the largest lag that their
            test sequences have, so that the horizon may be larger.
    """

    steps: float | None
    censored: bool


def memory_horizon(configuration: Configuration) -> Horizon | None:
    """Return the median over seeds of the memory horizon after training, in steps."""
    found = influences(configuration)
    if not found:
        return None
    # a seed without influence ranks below lag 0, and has no mean with a lag
    horizons = [-1 if each.horizon is None else each.horizon for each in found]
    steps = -1 if median_low(horizons) < 0 else median(horizons)
    at_the_end = sum(each.horizon is not None and each.horizon >= each.longest for each in found)
    return Horizon(None if steps < 0 else steps, 2 * at_the_end >= len(found))


def mean_matrix(found: Sequence[Influence]) -> list[list[float]]:
    """Return the mean over seeds of the influence matrices, NaN where none has a value."""
    matrices = [each.matrix for each in found if each.matrix]
    if not matrices:
        return []
    cells = zip(*matrices, strict=False)
    return [[_mean_known(values) for values in zip(*rows, strict=False)] for rows in cells]


def _mean_known(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return mean(known) if known else math.nan


def initial_options(configuration: Configuration) -> Mapping[str, OptionValue]:
    """Return the model's options that set its initial weights, by name, defaults included.

    By convention these are ``init`` and ``chrono``, and names that begin with ``init_`` or end with
    ``_bias`` or ``_init``.
    """
    return {
        name: value
        for name, value in configuration.spec.model.options.items()
        if name in ("init", "chrono") or name.startswith("init_") or name.endswith(_ENDINGS)
    }


def initial_options_text(configuration: Configuration) -> str:
    """Return the options that set the initial weights, as ``init=orthogonal, forget_bias=1``."""
    options = initial_options(configuration)
    return ", ".join(f"{name}={option_text(value)}" for name, value in options.items())


def category_text(category: InitialCategory) -> str:
    """Return ``-0.13 [-0.14, -0.12], vanishing``, or why it is undetermined."""
    if category.slope is None:
        return MISSING if category.name == "undetermined" else f"no slope, {category.name}"
    if category.low is None or category.high is None:
        return f"{number(category.slope)}, {category.name}"
    interval = f"[{number(category.low)}, {number(category.high)}]"
    return f"{number(category.slope)} {interval}, {category.name}"


def horizon_text(horizon: Horizon | None) -> str:
    """Return a memory horizon in steps, ``≥`` where longer sequences might show more."""
    if horizon is None:
        return MISSING
    if horizon.steps is None:
        return "none"
    return f"{'≥ ' if horizon.censored else ''}{horizon.steps:,g}"
