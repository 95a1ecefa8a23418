"""Arithmetic on a single series: chronological parts, windows, and the predictors that need no
training by gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.float64]
"""Values in the order of time, (N,); also windows (n, W) and predictions (n,)."""


@dataclass(frozen=True)
class Cut:
    """Where a series of N values is cut: training ``[0, first)``, validation ``[first, second)``,
    test ``[second, N)``.
    """

    first: int
    second: int

    @classmethod
    def at(cls, n: int, train: float, validation: float) -> Cut:
        """Cut ``n`` values in time by the shares of training and validation; the rest is for the
        test.
        """
        return cls(round(n * train), round(n * (train + validation)))

    def lengths(self, n: int) -> tuple[int, int, int]:
        """Return how many of ``n`` values each part has."""
        return self.first, self.second - self.first, n - self.second

    def parts(self, series: Series) -> tuple[Series, Series, Series]:
        """Return training, validation and test values."""
        return series[: self.first], series[self.first : self.second], series[self.second :]


def windows(part: Series, width: int) -> tuple[Series, Series]:
    """Return every window (n, width) of a part with the value that follows it (n,), n = len(part) -
    width.
    """
    return np.lib.stride_tricks.sliding_window_view(part, width)[:-1], part[width:]


def windows_ahead(part: Series, width: int, ahead: int) -> tuple[Series, Series]:
    """Return windows (n, width) with the ``ahead`` values that follow each (n, ahead), n =
    len(part) - width - ahead + 1.
    """
    view = np.lib.stride_tricks.sliding_window_view
    following = view(part[width:], ahead)
    return view(part, width)[: len(following)], following


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
"""Tomorrow is as today."""
MEAN = LinearPredictor(np.zeros(1))
"""Always the mean, of a series that was scaled or made to have mean 0."""


def sine_recursion(period: float) -> LinearPredictor:
    """The AR(2) recursion that a noiseless sine obeys exactly, ``x_{t+1} = 2 cos(2 pi / period) x_t
    - x_{t-1}`` (Yule 1927).
    """
    return LinearPredictor(np.array([-1.0, 2 * np.cos(2 * np.pi / period)]))


def fit_autoregression(part: Series, order: int) -> LinearPredictor:
    """Fit an AR(``order``) predictor with intercept by least squares (Yule 1927), of least norm
    where that is not unique.
    """
    seen, following = windows(part, order)
    design = np.column_stack([seen, np.ones(len(seen))])  # (n, order + 1)
    solution = np.linalg.lstsq(design, following, rcond=None)[0]
    return LinearPredictor(np.asarray(solution[:-1], dtype=np.float64), float(solution[-1]))


def mean_squared_error(predicted: Series, truth: Series) -> float:
    """Return the mean squared difference."""
    return float(np.mean((predicted - truth) ** 2))
