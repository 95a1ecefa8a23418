"""Slope, half-life and reach of a gradient profile G(k)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from rnnbench.records.gradient import FIRST_FITTED_LAG, Direction, Profile, half_life

REACH_FRACTION = 1e-3
"""The reach is the largest lag with G of at least this fraction of its maximum."""
_SMALLEST = np.finfo(np.float64).tiny
"""Smallest normal float64. Smaller values lose digits and would distort the slope."""
_UNDERFLOW = 1e-250
"""Zeros after a value below this are an underflow and not a cut-off."""

Series: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def fit_profile(
    lags: Sequence[int],
    values: Sequence[float],
    *,
    of: Literal["input", "state"],
    when: Literal["init", "trained"],
    direction: Direction = "past",
    relevant_ratio: float | None = None,
) -> Profile:
    """Fit slope, half-life and reach to one gradient profile.

    The slope is the least-squares slope of ln G(k) over lags k >= 5, per step. The half-life is
    ``ln 2 / -slope`` steps, infinite when the slope is not negative. The reach is the largest lag
    with ``G(k) >= 1e-3 max G``. Nothing is normalised by lag 0, since the output path alone shrinks
    G(0) in some architectures (an LSTM's output gate).

    The input profile of a trained network has no slope: it peaks at the lags that the task needs,
    and a line through the peak measures where it stands, not a decay.

    Profiles that are not a plain exponential:

    - Lags where G is zero, below the smallest normal float64 or infinite are left out of the fit.
    - G is zero from some lag to the end (a window of limited width): slope and half-life are
      ``None``, unless G decayed to the smallest float64 before.
    - NaN without infinity (the weights are NaN), or fewer than two lags to fit: slope and
      half-life are ``None``.

    Args:
        lags: increasing, consecutive.
        values: G at each lag.
        of: what the gradient is taken with respect to.
        when: the moment in training.
        direction: lags into the past or the future.
        relevant_ratio: recorded as it is.
    """
    lag = np.asarray(lags, dtype=np.int64)
    value = np.asarray(values, dtype=np.float64)
    fitted = of == "state" or when == "init"
    slope = _log_slope(lag, value) if fitted else None
    return Profile(
        of=of,
        when=when,
        direction=direction,
        lags=tuple(int(k) for k in lag),
        values=tuple(float(g) for g in value),
        slope=slope,
        half_life=None if slope is None else half_life(slope),
        reach=_reach(lag, value),
        relevant_ratio=relevant_ratio,
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
    # both are centred, so that a constant has a slope of exactly 0
    return float((steps * (logs - logs.mean())).sum() / (steps * steps).sum())


def _reach(lag: Series, value: Series) -> int:
    if not (value > 0).any():
        return 0
    return int(lag[value >= REACH_FRACTION * np.nanmax(value)].max())


def _ends_in_zeros(value: Series) -> bool:
    """Return whether G is zero from some lag to the end.

    The run of zeros at the end must be longer than a tenth of the lags and than any earlier run of
    zeros. So neither a single dead step nor a dilated core, with zeros at every other lag, counts.
    """
    positive = np.flatnonzero(value != 0)
    if positive.size == 0:
        return value.size > 0
    ending = value.size - 1 - int(positive[-1])
    longest_before = int(np.diff(positive, prepend=-1).max()) - 1
    return ending > max(longest_before, value.size // 10)


def _decayed_to_nothing(value: Series) -> bool:
    """Return whether the zeros at the end are an underflow: the last value is tiny."""
    positive = value[value > 0]
    return positive.size > 0 and bool(positive[-1] < _UNDERFLOW)
