"""Base of forecasting tasks: windows of one series or several, direct forecasts, baselines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from rnnbench import Batch, Diagnosis, FiniteTask, Splits, Steps, Vectors

from .._common.chronological import Cut
from ._baselines import MEAN, PERSISTENCE, LinearPredictor
from ._diagnosis import ForecastDiagnosis
from ._series import Series, mean_squared_error, recursive_forecast, windows

if TYPE_CHECKING:
    from rnnbench import Predict


class SeriesTask(FiniteTask):
    """Predict the next ``horizon`` values of K series from the ``window`` values before them.

    A derived dataclass has the options ``window``, ``rollout``, ``train`` and ``validation``, and
    may have ``horizon``.
    """

    window: int
    rollout: int
    """Steps of recursive forecasts, whose inputs are earlier predictions."""
    train: float
    validation: float
    horizon: int = 1
    """Steps predicted at once (direct forecasts)."""

    steps: ClassVar[Steps] = "last"

    @property
    @abstractmethod
    def values(self) -> Series:
        """The series to predict (N, K), in the unit that the network reads.

        Each has mean 0, over the training part or in expectation.
        """

    @abstractmethod
    def fitted(self, training: Series) -> Mapping[str, LinearPredictor]:
        """Return simple predictors of a series by name, fitted to its training part (n,).

        Persistence and the mean are always added.
        """

    @property
    def covariate_values(self) -> Series | None:
        """Further series (N, E) that are inputs and no targets; ``None`` for none."""
        return None

    @property
    def test_block(self) -> int:
        """Windows that share a value with a window of the test part, before or after it."""
        return self.window + self.horizon

    @property
    def naive_lag(self) -> int:
        """Lag of the naive forecast that MASE divides by (Hyndman and Koehler 2006).

        It is 1, or a season.
        """
        return 1

    def in_unit(self, values: Series, target: int) -> Series:
        """Return values (n,) of series ``target`` in its own unit; unchanged by default."""
        del target
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """A short name of each of the K series, or of its unit."""
        return ("x",)

    @property
    def inputs(self) -> Vectors:
        """The K series and the E covariates at a step: width K + E."""
        return Vectors(
            len(self.names)
            + (0 if self.covariate_values is None else self.covariate_values.shape[1])
        )

    @property
    def outputs(self) -> Vectors:
        """The next values, step by step: K series one step ahead, K two steps ahead, ..."""
        return Vectors(self.horizon * len(self.names))

    @property
    def length(self) -> int:
        """Steps of an input: the window."""
        return self.window

    @property
    def cut(self) -> Cut:
        """The boundaries of training, validation and test part."""
        return Cut.at(len(self.values), self.train, self.validation)

    def splits(self) -> Splits:
        """Return the windows of each part in order of time; none reaches into another part.

        Inputs are (n, window, K + E), targets (n, horizon * K).
        """
        cut = self.cut
        parts = (slice(0, cut.first), slice(cut.first, cut.second), slice(cut.second, None))
        return Splits(*(self._windows_of(part) for part in parts))

    def _windows_of(self, part: slice) -> Batch:
        read = (
            self.values
            if self.covariate_values is None
            else np.column_stack([self.values, self.covariate_values])
        )
        channels = torch.tensor(read[part], dtype=torch.float32)  # (N of the part, K + E)
        following = channels[self.window :, : len(self.names)]
        targets = following.unfold(0, self.horizon, 1)  # (n, K, horizon)
        inputs = channels.unfold(0, self.window, 1)[: len(targets)]  # (n, K + E, W)
        return Batch(
            inputs.transpose(1, 2).contiguous(), targets.transpose(1, 2).flatten(1).contiguous()
        )

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Each series to predict (N,), contiguous in memory."""
        return tuple(np.ascontiguousarray(column) for column in self.values.T)

    @cached_property
    def predictors(self) -> tuple[Mapping[str, LinearPredictor], ...]:
        """The simple predictors of each series, by name."""
        return tuple(
            {"persistence": PERSISTENCE, "mean": MEAN, **self.fitted(self.cut.parts(series)[0])}
            for series in self.series
        )

    @property
    def other_test_errors(self) -> Mapping[str, float]:
        """Test errors of predictors other than :attr:`predictors`, by name; none by default."""
        return {}

    @cached_property
    def test_errors(self) -> Mapping[str, float]:
        """Test errors of simple predictors by name: mean squared, over series and horizon."""
        errors: dict[str, list[float]] = {name: [] for name in self.predictors[0]}
        for series, predictors in zip(self.series, self.predictors, strict=True):
            seen, following = windows(self.cut.parts(series)[2], self.window, self.horizon)
            for name, predictor in predictors.items():
                predicted = recursive_forecast(predictor, seen, self.horizon)
                errors[name].append(mean_squared_error(predicted, following))
        return {
            **{name: float(np.mean(of_each)) for name, of_each in errors.items()},
            **self.other_test_errors,
        }

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Test errors of simple predictors by name."""
        return self.test_errors

    @cached_property
    def naive_errors(self) -> tuple[float, ...]:
        """Mean absolute error of each series' naive forecast on its training part."""
        parts = (self.cut.parts(series)[0] for series in self.series)
        return tuple(
            float(np.abs(part[self.naive_lag :] - part[: -self.naive_lag]).mean()) for part in parts
        )

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Return MAE, MASE, errors of single series and of recursive forecasts, and plots.

        A network with covariates cannot forecast recursively, since it does not predict these.
        """
        diagnosis = ForecastDiagnosis(
            names=self.names,
            predictors=self.predictors,
            naive_errors=self.naive_errors,
            rollout=self.rollout,
            recursive=self.covariate_values is None,
            first_step=self.cut.second + self.window,
            in_unit=self.in_unit,
        )
        return diagnosis.of(predict, test)
