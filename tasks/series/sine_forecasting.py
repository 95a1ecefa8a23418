"""Sine forecasting: the next value of a noisy sine, with scores known in closed form."""

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

from .._common.chronological import Cut, check_parts
from .._common.citations import YULE
from ._baselines import LinearPredictor, fit_autoregression, sine_recursion
from ._forecast import SeriesTask

if TYPE_CHECKING:
    from rnnbench import RegisterTask

    from ._series import Series

_SOLVED_SKILL = 0.9


@dataclass(frozen=True)
class SineForecasting(SeriesTask):
    """Sine forecasting: predict the next value of a noisy sine from the values before it.

    One series ``x_t = s_t + noise * e_t``, with ``s_t = sin(w t + phase)``, ``w = 2 pi / period``
    and ``e_t`` standard normal, is cut in time into training, validation and test part. The target
    of each window of a part is the next value. Expected squared errors, one step ahead:

    ============  ====================================  ==================================
    predictor     rule                                  expected squared error
    ============  ====================================  ==================================
    noise floor   ``s_{t+1}`` itself                    ``noise^2``
    fitted sine   least squares of sin, cos on window   ``noise^2 (1 + h)``, h the leverage
    persistence   ``x_t``                               ``2 sin^2(w / 2) + 2 noise^2``
    mean          0                                     ``1 / 2 + noise^2``
    exact AR(2)   ``2 cos(w) x_t - x_{t-1}``            ``noise^2 (2 + 4 cos^2 w)``
    ============  ====================================  ==================================

    The errors of persistence and of the mean are averages over whole periods; the leverage is about
    2 / window. The exact recursion of the sine (Yule 1927) amplifies the noise, so that it loses to
    persistence where the noise is large: to do well, a network must average over the window. The
    score is the one-step mean squared error.

    Attributes:
        window: W, the values seen before a prediction.
        noise: standard deviation of the observation noise; the sine's amplitude is 1.
        period: steps per period of the sine, above 2.
        points: length of the whole series.
        train: share of the series, from its start, for training.
        validation: share that follows, for validation; the rest is the test.
        rollout: steps of the recursive forecast, whose inputs are earlier predictions.
        series_seed: seed of phase and noise; all seeds of a comparison use the same series.
    """

    window: Annotated[int, Field(ge=2)] = 20
    noise: Annotated[float, Field(ge=0, le=1e6)] = 0.1
    period: Annotated[float, Field(gt=2, le=1e6)] = 25.0
    points: Annotated[int, Field(ge=1, le=10_000_000)] = 4000
    train: Annotated[float, Field(gt=0, lt=1)] = 0.6
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    rollout: PositiveInt = 50
    series_seed: NonNegativeInt = 0

    version: ClassVar[int] = 1
    metric: ClassVar[Metric] = MSE
    citations: ClassVar[tuple[Citation, ...]] = (YULE,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 1000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 32}
        ),
        "standard": Preset(
            {"points": 20_000},
            {"steps": 5000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64},
        ),
    }

    def __post_init__(self) -> None:
        check_parts(self.train, self.validation)
        shortest = min(Cut.at(self.points, self.train, self.validation).lengths(self.points))
        if shortest <= self.window:
            raise ValueError(
                f"points={self.points} leaves a part of {shortest} points, "
                f"no more than window={self.window}; raise points."
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
        """Return the exact recursion, and a regression on the window fitted to training (n,)."""
        return {
            "exact AR(2)": sine_recursion(self.period),
            "linear regression on the window": fit_autoregression(training, self.window),
        }

    @property
    def baseline(self) -> float:
        """The smaller expected error of persistence and of the mean, which need no memory."""
        persistence = 2 * np.sin(np.pi / self.period) ** 2 + 2 * self.noise**2
        mean = 0.5 + self.noise**2
        return float(min(persistence, mean))

    @property
    def perfect(self) -> float:
        """The noise floor: the noise is unpredictable."""
        return self.noise**2

    @property
    def solved(self) -> float:
        """Nine tenths of the way from the baseline to the noise floor."""
        return self.baseline + _SOLVED_SKILL * (self.perfect - self.baseline)

    @property
    def fitted_sine_error(self) -> float:
        """Expected squared error of sin and cos of known period, fitted to one window."""
        phases = 2 * np.pi * np.arange(self.window + 1) / self.period
        design = np.column_stack([np.sin(phases), np.cos(phases)])  # (W + 1, 2)
        leverage = design[-1] @ np.linalg.pinv(design[:-1].T @ design[:-1]) @ design[-1]
        return float(self.noise**2 * (1 + leverage))

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Test errors of simple predictors, and two expected errors, by name."""
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
