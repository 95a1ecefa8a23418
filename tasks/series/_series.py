"""Arithmetic on a single series: windows, recursive forecasts, errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.float64]
"""Values in the order of time (N,), windows (n, W) or predictions (n,)."""


def windows(part: Series, width: int, horizon: int = 1) -> tuple[Series, Series]:
    """Return every window of a part (N,) with the values that follow it.

    The windows are (n, width), the values (n, horizon), with n = N - width - horizon + 1.
    """
    view = np.lib.stride_tricks.sliding_window_view
    following = view(part[width:], horizon)
    return view(part, width)[: len(following)], following


def recursive_forecast(predictor: Callable[[Series], Series], seen: Series, steps: int) -> Series:
    """Predict ``steps`` values, feeding predictions back as the newest inputs.

    Args:
        predictor: maps windows of one series (n, W) to the next value (n,) or values (n, block),
            or windows of several series (n, W, K) to (n, block * K), step by step.
        seen: the first windows, (n, W) or (n, W, K).
        steps: values to predict of each series.

    Returns:
        Predictions (n, steps) or (n, steps, K).
    """
    blocks: list[Series] = []
    reached = 0
    while reached < steps:
        following = predictor(seen).reshape(len(seen), -1, *seen.shape[2:])
        blocks.append(following)
        reached += following.shape[1]
        seen = np.concatenate([seen, following], axis=1)[:, -seen.shape[1] :]
    return np.concatenate(blocks, axis=1)[:, :steps]


def mean_squared_error(predicted: Series, truth: Series) -> float:
    """Return the mean squared difference of two arrays of one shape."""
    return float(np.mean((predicted - truth) ** 2))
