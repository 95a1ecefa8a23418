"""Baselines of forecasting without gradient descent: linear predictors, season, regressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._common.chronological import Cut
from ._series import Series, mean_squared_error, windows

if TYPE_CHECKING:
    from rnnbench import Splits

MAX_REGRESSORS = 2048
"""A regression on more inputs than this would take longer than the network: it is left out."""


@dataclass(frozen=True)
class LinearPredictor:
    """``x_{t+1} = intercept + sum_i weights[i] x_{t-p+1+i}`` over the last p values of a window."""

    weights: Series
    intercept: float = 0.0

    def __call__(self, seen: Series) -> Series:
        """Predict the next value: windows (n, W), W >= p -> (n,)."""
        predicted: Series = seen[:, -len(self.weights) :] @ self.weights + self.intercept
        return predicted


PERSISTENCE = LinearPredictor(np.ones(1))
"""The last value."""
MEAN = LinearPredictor(np.zeros(1))
"""The mean of a series that was scaled or made to have mean 0."""


def sine_recursion(period: float) -> LinearPredictor:
    """Return the AR(2) recursion that a noiseless sine obeys exactly (Yule 1927).

    It is ``x_{t+1} = 2 cos(2 pi / period) x_t - x_{t-1}``.
    """
    return LinearPredictor(np.array([-1.0, 2 * np.cos(2 * np.pi / period)]))


def fit_autoregression(part: Series, order: int) -> LinearPredictor:
    """Fit an AR(``order``) predictor with intercept to a part (n,) by least squares (Yule 1927).

    Of several solutions, the one of least norm is taken.
    """
    seen, following = windows(part, order)
    design = np.column_stack([seen, np.ones(len(seen))])  # (n, order + 1)
    solution = np.linalg.lstsq(design, following[:, 0], rcond=None)[0]
    return LinearPredictor(np.asarray(solution[:-1], dtype=np.float64), float(solution[-1]))


def seasonal_naive_error(series: Series, cut: Cut, window: int, horizon: int, season: int) -> float:
    """Return the test error of predicting the value one season before, of one series (N,).

    Where that value is not known yet, it is the one the least number of whole seasons before. It
    may lie before the window, and at the start of the test part before that.
    """
    following = windows(series[cut.second :], window, horizon)[1]  # (n, horizon)
    first = cut.second + window + np.arange(len(following))[:, None]
    step = np.arange(horizon)
    season_before = first + step - season * (1 + step // season)
    return mean_squared_error(series[season_before], following)


def window_regression_error(series: Series, cut: Cut, window: int, horizon: int) -> float:
    """Return the test error of least squares from a window to the next values, of one series (N,).

    This is the linear model that Zeng et al. 2023 compare with transformers, with separate weights
    for each series.
    """
    training, _, test = cut.parts(series)
    return _regression_error(*windows(training, window, horizon), *windows(test, window, horizon))


def all_inputs_regression_error(splits: Splits) -> float | None:
    """Return the test error of least squares from all inputs to all targets.

    ``None`` where a window holds more than :data:`MAX_REGRESSORS` numbers.
    """
    if splits.train.inputs[0].numel() > MAX_REGRESSORS:
        return None
    seen, test_seen = (
        part.inputs.flatten(1).double().numpy() for part in (splits.train, splits.test)
    )
    following, test_following = (
        part.targets.double().numpy() for part in (splits.train, splits.test)
    )
    return _regression_error(seen, following, test_seen, test_following)


def _regression_error(
    seen: Series, following: Series, test_seen: Series, test_following: Series
) -> float:
    weights = np.linalg.lstsq(np.column_stack([seen, np.ones(len(seen))]), following)[0]
    predicted = np.column_stack([test_seen, np.ones(len(test_seen))]) @ weights
    return mean_squared_error(predicted, test_following)
