"""Scores of a network on a whole data set, independent of the batch size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rnnbench.contract.task import widened
from rnnbench.metrics import loss_of
from rnnbench.training.stateful import predict_streams

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rnnbench.contract.task import Batch, Measure, Task
    from rnnbench.training.network import Network

EVALUATION_ROWS = 256
"""Sequences per forward pass in an evaluation. It bounds memory and does not change results."""


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return a network's predictions in evaluation mode, without gradient.

    Args:
        network: ``(inputs, lengths) -> predictions``.
        inputs: (N, T) or (N, T, D).
        lengths: (N,) valid steps; ``None`` when all are T.

    Returns:
        (N, V|dim) for steps ``"last"``, (N, T, V|dim) for ``"every"``.
    """
    with _evaluating(network):
        return torch.cat(
            [
                network(widened(inputs[rows]), None if lengths is None else lengths[rows])
                for rows in _blocks_of_rows(len(inputs))
            ]
        )


def evaluate(network: Network, task: Task, data: Batch) -> tuple[float, float]:
    """Return the training loss and the score, the task's metric, of a network on ``data``."""
    loss, mean = means(network, task, data)
    return loss, task.metric.finish(mean)


def means(network: Network, task: Task, data: Batch) -> tuple[float, float]:
    """Return the weighted means of the training loss and of the metric's measure over ``data``.

    A mean is ``sum(values * weights) / sum(weights)`` over all predictions, summed in float64. It
    is NaN when no prediction counts.
    """
    measured = measure_items(network, task, data, keep_items=False)
    return measured.loss, measured.mean


@dataclass(frozen=True)
class Measured:
    """Means over a data set, and what single items contribute to them.

    Attributes:
        loss: mean training loss.
        mean: mean of the metric's measure, of which the score is a function.
        values: mean of the metric's measure over each item's predictions, (N,) float64 on the CPU;
            0 for an item without a prediction that counts. ``None`` where it is not kept.
        weights: weight of each item in ``mean``, (N,) float64 on the CPU, or ``None``.
    """

    loss: float
    mean: float
    values: Tensor | None = None
    weights: Tensor | None = None


@torch.no_grad()
def measure_items(network: Network, task: Task, data: Batch, *, keep_items: bool) -> Measured:
    """Return the means of :func:`means`, and with ``keep_items`` those of each item of ``data``."""
    loss, measure = loss_of(task), task.metric.measure
    losses, measures, items, places = [], [], [], []
    with _evaluating(network):
        predictions = predict_streams if task.stateful else _predict_blocks
        for outputs, block, rows in predictions(network, data):
            losses.append(_sums(loss, outputs, block))
            measures.append(losses[-1] if measure is loss else _sums(measure, outputs, block))
            if keep_items:
                items.append(_sums_of_items(measure, outputs, block))
                places.append(rows)
    loss_sums, measure_sums = torch.stack(
        (torch.stack(losses).sum(0), torch.stack(measures).sum(0))
    ).tolist()
    found = Measured(_mean(*loss_sums), _mean(*measure_sums))
    if not keep_items:
        return found
    in_order = torch.cat(items)[torch.cat(places).argsort()].cpu()  # (N, 2)
    totals, weights = in_order.unbind(1)
    values = torch.where(weights > 0, totals / weights, 0.0)
    return Measured(found.loss, found.mean, values, weights)


def _predict_blocks(network: Network, data: Batch) -> Iterator[tuple[Tensor, Batch, Tensor]]:
    places = torch.arange(len(data), device=data.inputs.device)
    for rows in _blocks_of_rows(len(data)):
        block = data.rows(rows)
        yield network(block.inputs, block.lengths), block, places[rows]


def _blocks_of_rows(n: int) -> list[slice]:
    return [slice(start, start + EVALUATION_ROWS) for start in range(0, n, EVALUATION_ROWS)]


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _sums(measure: Measure, outputs: Tensor, data: Batch) -> Tensor:
    """Return ``sum(values * weights)`` and ``sum(weights)``: (2,) float64 on the device."""
    values, weights = _measured(measure, outputs, data)
    return torch.stack(((values * weights).sum(), weights.sum()))


def _sums_of_items(measure: Measure, outputs: Tensor, data: Batch) -> Tensor:
    """Return the same for each item: (B, 2) float64 on the device."""
    values, weights = (part.reshape(len(data), -1) for part in _measured(measure, outputs, data))
    return torch.stack(((values * weights).sum(1), weights.sum(1)), 1)


def _measured(measure: Measure, outputs: Tensor, data: Batch) -> tuple[Tensor, Tensor]:
    """Return values and weights, (B,) or (B, T) float64 on the device."""
    values, weights = measure(outputs.float() if outputs.dtype == torch.bfloat16 else outputs, data)
    weights = torch.ones_like(values) if weights is None else weights
    return values.double(), weights.double()


def _mean(total: float, count: float) -> float:
    return total / count if count else float("nan")
