"""Scores of a network on a whole data set, independent of how it is cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from rnnbench.contract.task import widened
from rnnbench.metrics import loss_of
from rnnbench.training.stateful import in_lanes

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rnnbench.contract.task import Batch, Measure, Task
    from rnnbench.training.network import Network

EVALUATION_ROWS = 256
"""Sequences run through a network at once when it is evaluated: bounds the memory, not the result."""


@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return a network's predictions for inputs (N, T[, D]) in evaluation mode, a block of rows at
    a time.
    """
    with _evaluating(network):
        return torch.cat(
            [
                network(widened(inputs[rows]), None if lengths is None else lengths[rows])
                for rows in _blocks_of_rows(len(inputs))
            ]
        )


def evaluate(network: Network, task: Task, data: Batch) -> tuple[float, float]:
    """Return ``(loss, score)`` of a network on ``data``: the task's training loss and its metric."""
    loss, mean = means(network, task, data)
    return loss, task.metric.finish(mean)


@torch.no_grad()
def means(network: Network, task: Task, data: Batch) -> tuple[float, float]:
    """Return the weighted means over ``data`` of the task's training loss and of its metric's
    measure, block by block.
    """
    loss, measure = loss_of(task), task.metric.measure
    losses, measures = [], []
    with _evaluating(network):
        for outputs, block in (
            in_lanes(network, data) if task.stateful else _in_blocks(network, data)
        ):
            losses.append(_sums(loss, outputs, block))
            measures.append(losses[-1] if measure is loss else _sums(measure, outputs, block))
    loss_sums, measure_sums = torch.stack(
        (torch.stack(losses).sum(0), torch.stack(measures).sum(0))
    ).tolist()
    return _mean(*loss_sums), _mean(*measure_sums)


def weighted_mean(measure: Measure, outputs: Tensor, data: Batch) -> float:
    """Return ``sum(values * weights) / sum(weights)``, summed in float64; NaN when nothing counts."""
    return _mean(*_sums(measure, outputs, data).tolist())


def _in_blocks(network: Network, data: Batch) -> Iterator[tuple[Tensor, Batch]]:
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
    """Return ``sum(values * weights)`` and ``sum(weights)`` in float64, on the device: (2,)."""
    values, weights = measure(outputs.float() if outputs.dtype == torch.bfloat16 else outputs, data)
    weights = torch.ones_like(values) if weights is None else weights
    return torch.stack(((values.double() * weights.double()).sum(), weights.double().sum()))


def _mean(total: float, count: float) -> float:
    return total / count if count else float("nan")
