"""Diagnosis of a forecasting network: further errors, recursive forecasts and their plots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rnnbench import Diagnosis, LinePlot

from ._series import Series, mean_squared_error, recursive_forecast

if TYPE_CHECKING:
    from rnnbench import Batch, Predict

_ORIGINS = 200
"""Maximum number of starting points of recursive forecasts, evenly spread over the test part."""
_SERIES_SCORED, _SERIES_PLOTTED = 10, 3
"""Maximum number of series, from the first, with separate errors and with plots."""


@dataclass(frozen=True)
class ForecastDiagnosis:
    """Further scores and plots of a network that forecasts K series.

    Attributes:
        names: of the K series.
        predictors: simple predictors of each series, by name: windows (n, W) -> (n,).
        naive_errors: mean absolute error of each series' naive forecast on its training part.
        rollout: steps of recursive forecasts.
        recursive: whether the network can forecast recursively: it predicts all that it reads.
        first_step: time of the first target of the test part.
        in_unit: converts scaled values of the series at an index to its own unit.
    """

    names: tuple[str, ...]
    predictors: Sequence[Mapping[str, Callable[[Series], Series]]]
    naive_errors: tuple[float, ...]
    rollout: int
    recursive: bool
    first_step: int
    in_unit: Callable[[Series, int], Series]

    def of(self, predict: Predict, test: Batch) -> Diagnosis:
        """Measure and plot forecasts of the test windows, which are in order of time.

        MAE and MASE are of the predictions that the score is of. MASE is the mean over series,
        each divided by its naive error; it is left out where one of these is 0. The recursive
        error is the mean over ``rollout`` steps, fewer where the test part is shorter, and over
        up to 200 starting points.
        """
        predicted = self._by_series(predict(test.inputs, None).double())
        wanted = self._by_series(test.targets.double())
        forecasts, truth = self._recursive_forecasts(predict, test)
        scores = {
            **self._absolute_errors(predicted, wanted),
            **self._errors_of_each(predicted, wanted),
        }
        for name, forecast in forecasts.items():
            score = "recursive mse" if name == "model" else f"recursive mse, {name}"
            scores[score] = mean_squared_error(forecast, truth)
        one_step = predicted[: truth.shape[1], 0].cpu().numpy()  # (rollout, K)
        plots = [
            self._forecast_plot(target, truth, one_step, forecasts)
            for target in range(min(len(self.names), _SERIES_PLOTTED))
        ]
        return Diagnosis(scores, (*plots, _error_plot(forecasts, truth)))

    def _by_series(self, flat: Tensor) -> Tensor:
        return flat.reshape(len(flat), -1, len(self.names))  # (n, horizon, K)

    def _absolute_errors(self, predicted: Tensor, wanted: Tensor) -> dict[str, float]:
        error = (predicted - wanted).abs()
        scores = {"mae": float(error.mean())}
        if all(self.naive_errors):
            scaled = [
                float(error[..., target].mean()) / naive
                for target, naive in enumerate(self.naive_errors)
            ]
            scores["mase"] = float(np.mean(scaled))
        return scores

    def _errors_of_each(self, predicted: Tensor, wanted: Tensor) -> dict[str, float]:
        if len(self.names) == 1:
            return {}  # the score itself
        errors = (predicted - wanted).square().mean((0, 1)).tolist()  # K of them
        scored = self.names[:_SERIES_SCORED]
        return {f"scaled mse, {name}": error for name, error in zip(scored, errors, strict=False)}

    def _recursive_forecasts(
        self, predict: Predict, test: Batch
    ) -> tuple[dict[str, Series], Series]:
        """Return recursive forecasts by name, and the truth: each (origins, rollout, K).

        "model" is the network; it is left out where it cannot forecast recursively.
        """
        targets = len(self.names)
        seen = test.inputs[..., :targets].double().cpu().numpy()  # (n, W, K)
        following = test.targets[:, :targets].double().cpu().numpy()  # (n, K)

        def network(given: Series) -> Series:
            inputs = torch.from_numpy(given).to(test.inputs)
            outputs: Series = predict(inputs, None).double().cpu().numpy()  # (n, horizon * K)
            return outputs

        steps = min(self.rollout, len(following))
        origins = np.unique(np.linspace(0, len(following) - steps, _ORIGINS).round().astype(int))
        truth = np.stack([following[origin : origin + steps] for origin in origins])
        starts = seen[origins]
        forecasts = {"model": recursive_forecast(network, starts, steps)} if self.recursive else {}
        for name in self.predictors[0]:
            of_each = [
                recursive_forecast(predictors[name], starts[..., target], steps)
                for target, predictors in enumerate(self.predictors)
            ]
            forecasts[name] = np.stack(of_each, axis=-1)
        return forecasts, truth

    def _forecast_plot(
        self, target: int, truth: Series, one_step: Series, forecasts: dict[str, Series]
    ) -> LinePlot:
        lines = {"truth": truth[0, :, target], "model, one step ahead": one_step[:, target]}
        if "model" in forecasts:
            lines["model, recursive"] = forecasts["model"][0, :, target]
        title = "Truth and forecasts at the start of the test part"
        return LinePlot(
            title=title if len(self.names) == 1 else f"{title}: {self.names[target]}",
            x_label="step of the series",
            y_label=self.names[target],
            x=tuple(range(self.first_step, self.first_step + truth.shape[1])),
            lines={name: _finite(self.in_unit(values, target)) for name, values in lines.items()},
        )


def _error_plot(forecasts: dict[str, Series], truth: Series) -> LinePlot:
    return LinePlot(
        title="Error of recursive forecasts by steps ahead",
        x_label="steps ahead",
        y_label="mean squared error",
        x=tuple(range(1, truth.shape[1] + 1)),
        lines={
            name: _finite(np.mean((forecast - truth) ** 2, axis=0).mean(-1))
            for name, forecast in forecasts.items()
        },
    )


def _finite(values: Series) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
