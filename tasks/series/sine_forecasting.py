"""Sine forecasting: the next value of a noisy sine, where every reference score is known in closed
form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

import rnnbench
from rnnbench import Citation, Metric, Preset
from rnnbench.metrics import MSE

from ._forecast import SeriesTask, check_parts
from ._series import Cut, LinearPredictor, Series, fit_autoregression, sine_recursion

if TYPE_CHECKING:
    from rnnbench import RegisterTask

_YULE = Citation(
    "Yule 1927",
    "On a Method of Investigating Periodicities in Disturbed Series, with Special Reference to Wolfer's Sunspot Numbers",
    "Philosophical Transactions of the Royal Society A 226",
    "https://doi.org/10.1098/rsta.1927.0007",
)
_SOLVED_SKILL = 0.9


@dataclass(frozen=True)
class SineForecasting(SeriesTask):
    """Sine forecasting: the next value of a noisy sine from the values before it.

    One series ``x_t = s_t + noise * e_t``, with ``s_t = sin(w t + phase)``, ``w = 2 pi / period``
    and ``e_t`` standard normal, is cut in time into training, validation and test; each window of a
    part is followed by the value to predict. Expected squared errors, one step ahead:

    ======================  =======================================  =====================================================
    predictor               rule                                     expected squared error
    ======================  =======================================  =====================================================
    noise floor             ``s_{t+1}`` itself                       ``noise^2``
    fitted sine             least squares of sin, cos on the window  ``noise^2 (1 + h)``, h its leverage (about 2 / window)
    persistence             ``x_t``                                  ``2 sin^2(w / 2) + 2 noise^2`` (over whole periods)
    mean                    0                                        ``1 / 2 + noise^2`` (over whole periods)
    exact AR(2)             ``2 cos(w) x_t - x_{t-1}``               ``noise^2 (2 + 4 cos^2 w)``
    ======================  =======================================  =====================================================

    The exact recursion of the sine (Yule 1927) amplifies the noise, so that it loses to persistence
    where the noise is large: to do well, a network must average over the window. The score is the
    one-step mean squared error.

    Attributes:
        window: W, the values seen before a prediction.
        noise: standard deviation of the observation noise; the sine's amplitude is 1.
        period: steps per period of the sine, above 2.
        points: length of the whole series.
        train: share of the series, from its start, for training.
        validation: share that follows, for validation; the rest is the test.
        horizon: steps of the free-running forecast.
        series_seed: draws phase and noise; the same series for every seed of a comparison.
    """

    window: Annotated[int, Field(ge=2)] = 20
    noise: Annotated[float, Field(ge=0, le=1e6)] = 0.1
    period: Annotated[float, Field(gt=2, le=1e6)] = 25.0
    points: Annotated[int, Field(ge=1, le=10_000_000)] = 4000
    train: Annotated[float, Field(gt=0, lt=1)] = 0.6
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    horizon: PositiveInt = 50
    series_seed: NonNegativeInt = 0

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_YULE,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset({}, {"steps": 1000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 32}),
        "standard": Preset(
            {"points": 20_000}, {"steps": 5000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64}
        ),
    }  # fmt: skip

    def __post_init__(self) -> None:
        check_parts(self.train, self.validation)
        shortest = min(Cut.at(self.points, self.train, self.validation).lengths(self.points))
        if shortest <= self.window:
            raise ValueError(
                f"points={self.points} leaves a part of {shortest} points, no more than window={self.window}; raise points."
            )

    @cached_property
    def signal(self) -> Series:
        """The sine without noise, s_t (N,)."""
        signal: Series = np.sin(2 * np.pi * np.arange(self.points) / self.period + self._draws[0])
        return signal

    @cached_property
    def values(self) -> Series:
        """The noisy series x_t (N, 1)."""
        return (self.signal + self.noise * self._draws[1])[:, None]

    def fitted(self, training: Series) -> Mapping[str, LinearPredictor]:
        """Return the sine's own recursion, and the least-squares fit to the training part over the
        whole window.
        """
        return {
            "exact AR(2)": sine_recursion(self.period),
            "linear regression on the window": fit_autoregression(training, self.window),
        }

    @property
    def metric(self) -> Metric:
        """Mean squared error, one step ahead."""
        return MSE

    @property
    def baseline(self) -> float:
        """The expected error of persistence or of the mean, whichever is less: neither uses more
        than the last value.
        """
        persistence = 2 * np.sin(np.pi / self.period) ** 2 + 2 * self.noise**2
        mean = 0.5 + self.noise**2
        return float(min(persistence, mean))

    @property
    def perfect(self) -> float:
        """The noise floor: nothing predicts the noise."""
        return self.noise**2

    @property
    def solved(self) -> float:
        """Nine tenths of the way from the baseline to the noise floor."""
        return self.baseline + _SOLVED_SKILL * (self.perfect - self.baseline)

    @property
    def fitted_sine_error(self) -> float:
        """Expected squared error of least squares of sin and cos, of known period, on one window."""
        phases = 2 * np.pi * np.arange(self.window + 1) / self.period
        design = np.column_stack([np.sin(phases), np.cos(phases)])  # (W + 1, 2)
        leverage = design[-1] @ np.linalg.pinv(design[:-1].T @ design[:-1]) @ design[-1]
        return float(self.noise**2 * (1 + leverage))

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Measured on the test part, but for the two expected errors, which are named so."""
        expected = {
            "fitted sine, expected": self.fitted_sine_error,
            "noise floor, expected": self.perfect,
        }
        return {**self.test_errors, **expected}

    @cached_property
    def _draws(self) -> tuple[float, Series]:
        generator = np.random.Generator(np.random.PCG64(self.series_seed))
        phase = generator.uniform(0, 2 * np.pi)
        return phase, generator.standard_normal(self.points)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``sine-forecasting``."""
    register("sine-forecasting", SineForecasting)
