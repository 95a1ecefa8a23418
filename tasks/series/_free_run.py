"""Forecasts that run freely on their own predictions, and all that a forecasting task tells and
draws of a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rnnbench import Diagnosis, LinePlot

from ._series import Series, mean_squared_error

if TYPE_CHECKING:
    from rnnbench import Batch, Predict

    from ._forecast import SeriesTask

_ORIGINS = 200
"""Free-running forecasts start from at most this many places, evenly spread over the test part."""
_TOLD, _DRAWN = 10, 3
"""Of so many series, from the first, errors of their own are told, and forecasts drawn."""


def free_run(predictor: Callable[[Series], Series], seen: Series, horizon: int) -> Series:
    """Predict ``horizon`` steps, predictions becoming the newest inputs.

    Windows (n, W) of one series give (n, horizon), a ``predictor`` returning (n,) or (n, steps);
    windows (n, W, K) of several give (n, horizon, K), a ``predictor`` returning (n, steps * K),
    step by step.
    """
    steps: list[Series] = []
    reached = 0
    while reached < horizon:
        following = predictor(seen).reshape(len(seen), -1, *seen.shape[2:])
        steps.append(following)
        reached += following.shape[1]
        seen = np.concatenate([seen, following], axis=1)[:, -seen.shape[1] :]
    return np.concatenate(steps, axis=1)[:, :horizon]


def diagnose_forecasts(task: SeriesTask, predict: Predict, test: Batch) -> Diagnosis:
    """Tell and draw what a network makes of the test windows, which come in order of time.

    MAE and MASE are of the same predictions as the score; MASE is the mean over series, each
    divided by its own naive error, and left out where one of these is 0. The free-running error is
    the mean over ``horizon`` steps ahead (fewer where the test part is shorter) and over up to 200
    starting points. A network that reads other series beside those that it predicts cannot run
    freely, since nobody predicts those.
    """
    targets = len(task.names)
    predicted = _by_series(predict(test.inputs, None).double(), targets)
    wanted = _by_series(test.targets.double(), targets)
    runs, truth = _free_runs(task, predict, test)
    scores = {
        **_absolute_errors(task, predicted, wanted),
        **_errors_of_each(task.names, predicted, wanted),
    }
    for name, run in runs.items():
        scores[f"free-running mse{'' if name == 'model' else f', {name}'}"] = mean_squared_error(
            run, truth
        )
    one_ahead = predicted[: truth.shape[1], 0].cpu().numpy()  # (horizon, K)
    drawn = [
        _forecasts(task, target, truth, one_ahead, runs) for target in range(min(targets, _DRAWN))
    ]
    return Diagnosis(scores, (*drawn, _error_by_step(runs, truth)))


def _by_series(flat: Tensor, targets: int) -> Tensor:
    return flat.reshape(len(flat), -1, targets)  # (n, ahead, K)


def _absolute_errors(task: SeriesTask, predicted: Tensor, wanted: Tensor) -> dict[str, float]:
    error = (predicted - wanted).abs()
    scores = {"mae": float(error.mean())}
    if all(task.naive_errors):
        scaled = [
            float(error[..., target].mean()) / naive
            for target, naive in enumerate(task.naive_errors)
        ]
        scores["mase"] = float(np.mean(scaled))
    return scores


def _errors_of_each(names: tuple[str, ...], predicted: Tensor, wanted: Tensor) -> dict[str, float]:
    if len(names) == 1:
        return {}  # the score is that
    each = (predicted - wanted).square().mean((0, 1)).tolist()  # K of them
    return {f"scaled mse, {name}": error for name, error in zip(names[:_TOLD], each, strict=False)}


def _free_runs(task: SeriesTask, predict: Predict, test: Batch) -> tuple[dict[str, Series], Series]:
    """Return the forecasts of the network, where it can, and of each simple predictor, and the
    truth: (origins, horizon, K).
    """
    targets = len(task.names)
    seen = test.inputs[..., :targets].double().cpu().numpy()  # (n, W, K)
    following = test.targets[:, :targets].double().cpu().numpy()  # (n, K)

    def network(given: Series) -> Series:
        outputs: Series = (
            predict(torch.from_numpy(given).to(test.inputs), None).double().cpu().numpy()
        )  # (n, ahead * K)
        return outputs

    horizon = min(task.horizon, len(following))
    origins = np.unique(np.linspace(0, len(following) - horizon, _ORIGINS).round().astype(int))
    truth = np.stack([following[origin : origin + horizon] for origin in origins])
    starts = seen[origins]
    runs = {} if task.companions is not None else {"model": free_run(network, starts, horizon)}
    for name in task.predictors[0]:
        of_each = [
            free_run(predictors[name], starts[..., target], horizon)
            for target, predictors in enumerate(task.predictors)
        ]
        runs[name] = np.stack(of_each, axis=-1)
    return runs, truth


def _forecasts(
    task: SeriesTask, target: int, truth: Series, one_ahead: Series, runs: dict[str, Series]
) -> LinePlot:
    shown = {"truth": truth[0, :, target], "model, one step ahead": one_ahead[:, target]}
    if "model" in runs:
        shown["model, free-running"] = runs["model"][0, :, target]
    start = task.cut.second + task.window
    title = "Truth and forecasts at the start of the test part"
    return LinePlot(
        title=title if len(task.names) == 1 else f"{title}: {task.names[target]}",
        x_label="step of the series",
        y_label=task.names[target],
        x=tuple(range(start, start + truth.shape[1])),
        lines={name: _finite(task.in_unit(values, target)) for name, values in shown.items()},
    )


def _error_by_step(runs: dict[str, Series], truth: Series) -> LinePlot:
    return LinePlot(
        title="Free-running error by steps ahead",
        x_label="steps ahead",
        y_label="mean squared error",
        x=tuple(range(1, truth.shape[1] + 1)),
        lines={
            name: _finite(np.mean((run - truth) ** 2, axis=0).mean(-1))
            for name, run in runs.items()
        },
    )


def _finite(values: Series) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
