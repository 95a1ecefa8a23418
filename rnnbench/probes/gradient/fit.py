"""From a gradient profile G(k) to four figures: slope, half-life, reach and category."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from rnnbench.records.result import FIRST_FITTED_LAG, Category, Profile

STABLE_SLOPE = 0.01
"""Slopes up to this size, in ln G per step, count as stable: it takes 69 steps or more to halve or
to double.
"""
REACH_FRACTION = 1e-3
_SMALLEST = np.finfo(np.float64).tiny
"""Below it float64 loses digits, and with them the slope."""
_UNDERFLOW = 1e-250
"""A profile that has come down to this before it turns zero decayed into underflow; it was not cut
off.
"""

Series: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def fit_profile(
    lags: Sequence[int],
    values: Sequence[float],
    *,
    of: Literal["input", "state"],
    when: Literal["init", "trained"],
    direction: Literal["past", "future"] = "past",
) -> Profile:
    """Fit one profile.

    The slope is the least-squares slope of ln G(k) over lags k >= 5, per step; the half-life is
    ``ln 2 / -slope`` steps, infinite when the slope is not negative; the reach is the largest lag
    with ``G(k) >= 1e-3 max G``. Nothing is normalised by lag 0, since the output path alone shrinks
    G(0) in some architectures (an LSTM's output gate).

    The category is ``stable`` when ``|slope| <= 0.01`` per step, ``vanishing`` below and
    ``exploding`` above: a property per step, comparable between sequence lengths, where the reach
    speaks about the length at hand. The cases without a plain exponential:

    - Lags where G is zero (or below the smallest normal float64) or infinite take no part in the
      fit.
    - G overflowed to infinity somewhere: ``exploding``, whatever the slope of its finite part.
    - G is zero from some lag to the end (a window that reaches no further): ``vanishing``; slope
      and half-life are ``None`` unless G had come down to the smallest float64 by itself.
    - NaN without infinity (weights that are NaN themselves), or fewer than two lags to fit: slope,
      half-life and category are ``None``.

    Args:
        lags: increasing, consecutive.
        values: G at each lag.
        of: what the gradient is taken to.
        when: the moment in training.
        direction: which way the lags count.
    """
    lag = np.asarray(lags, dtype=np.int64)
    value = np.asarray(values, dtype=np.float64)
    slope = _log_slope(lag, value)
    return Profile(
        of=of,
        when=when,
        direction=direction,
        lags=tuple(int(k) for k in lag),
        values=tuple(float(g) for g in value),
        slope=slope,
        half_life=None if slope is None else _half_life(slope),
        reach=_reach(lag, value),
        category=_category(value, slope),
    )


def _log_slope(lag: Series, value: Series) -> float | None:
    if np.isnan(value).any() and not np.isinf(value).any():
        return None
    if _ends_in_zeros(value) and not _decayed_to_nothing(value):
        return None
    fitted = (lag >= FIRST_FITTED_LAG) & np.isfinite(value) & (value >= _SMALLEST)
    if fitted.sum() < 2:
        return None
    steps = lag[fitted] - lag[fitted].mean()
    logs = np.log(value[fitted])
    return float(
        (steps * (logs - logs.mean())).sum() / (steps * steps).sum()
    )  # both centred: a constant gives exactly 0


def _half_life(slope: float) -> float:
    return math.log(2) / -slope if slope < 0 else math.inf


def _reach(lag: Series, value: Series) -> int:
    if not (value > 0).any():
        return 0
    return int(lag[value >= REACH_FRACTION * np.nanmax(value)].max())


def _category(value: Series, slope: float | None) -> Category | None:
    if np.isinf(value).any():
        return "exploding"
    if np.isnan(value).any():
        return None
    if _ends_in_zeros(value):
        return "vanishing"
    if slope is None:
        return None
    if abs(slope) <= STABLE_SLOPE:
        return "stable"
    return "vanishing" if slope < 0 else "exploding"


def _ends_in_zeros(value: Series) -> bool:
    """Whether G is zero from some lag to the end.

    The zeros at the end must be more than a tenth of the lags and longer than any run of zeros
    before them, so that neither a single dead step nor a dilated core, which is zero at every other
    lag, is taken for a window.
    """
    positive = np.flatnonzero(value != 0)
    if positive.size == 0:
        return value.size > 0
    ending = value.size - 1 - int(positive[-1])
    longest_before = int(np.diff(positive, prepend=-1).max()) - 1
    return ending > max(longest_before, value.size // 10)


def _decayed_to_nothing(value: Series) -> bool:
    """Whether the last value before the zeros is so small that the zeros are an underflow."""
    positive = value[value > 0]
    return positive.size > 0 and bool(positive[-1] < _UNDERFLOW)
