"""Scores of a network on a whole data set, independent of the batch size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@torch.no_grad()
def means(network: Network, task: Task, data: Batch) -> tuple[float, float]:
    """Return the weighted means of the training loss and of the metric's measure over ``data``.

    A mean is ``sum(values * weights) / sum(weights)`` over all predictions, summed in float64. It
    is NaN when no prediction counts.
    """
    loss, measure = loss_of(task), task.metric.measure
    losses, measures = [], []
    with _evaluating(network):
        predictions = predict_streams if task.stateful else _predict_blocks
        for outputs, block in predictions(network, data):
            losses.append(_sums(loss, outputs, block))
            measures.append(losses[-1] if measure is loss else _sums(measure, outputs, block))
    loss_sums, measure_sums = torch.stack(
        (torch.stack(losses).sum(0), torch.stack(measures).sum(0))
    ).tolist()
    return _mean(*loss_sums), _mean(*measure_sums)


def _predict_blocks(network: Network, data: Batch) -> Iterator[tuple[Tensor, Batch]]:
    for rows in _blocks_of_rows(len(data)):
        block = data.rows(rows)
        yield network(block.inputs, block.lengths), block


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
    values, weights = measure(outputs.float() if outputs.dtype == torch.bfloat16 else outputs, data)
    weights = torch.ones_like(values) if weights is None else weights
    return torch.stack(((values.double() * weights.double()).sum(), weights.double().sum()))


def _mean(total: float, count: float) -> float:
    return total / count if count else float("nan")
