"""The metrics and losses of the field, as weighted means over the steps that count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from rnnbench.contract.task import Batch, Metric, Tokens

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench.contract.task import Measure, Task


def counted_steps(outputs: Tensor, batch: Batch) -> Tensor:
    """Return the weight of each prediction: 1 where it counts, 0 on padding and masked steps.

    ``outputs`` is ``(B, O)`` for steps "last" (weights ``(B,)``, all 1) or ``(B, T, O)`` (weights
    ``(B, T)``).
    """
    weights = torch.ones(outputs.shape[:-1], dtype=outputs.dtype, device=outputs.device)
    if outputs.dim() == 2:
        return weights
    if batch.mask is not None:
        weights = weights * batch.mask
    if batch.lengths is not None:
        steps = torch.arange(outputs.shape[1], device=outputs.device)
        weights = weights * (steps < batch.lengths[:, None])
    return weights


def _all_count(outputs: Tensor, batch: Batch) -> bool:
    return outputs.dim() == 2 or (batch.mask is None and batch.lengths is None)


def _weights(outputs: Tensor, batch: Batch) -> Tensor | None:
    return None if _all_count(outputs, batch) else counted_steps(outputs, batch)


def cross_entropy(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Cross-entropy in nats of logits against token targets, per prediction, with weights."""
    values = F.cross_entropy(outputs.flatten(0, -2), batch.targets.flatten(), reduction="none")
    return values.view(batch.targets.shape), _weights(outputs, batch)


def squared_error(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Squared error per prediction, averaged over the output width, with weights."""
    return (outputs - batch.targets).square().mean(-1), _weights(outputs, batch)


def absolute_error(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Absolute error per prediction, averaged over the output width, with weights."""
    return (outputs - batch.targets).abs().mean(-1), _weights(outputs, batch)


def correct(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Whether the largest logit is the target, per prediction, with weights."""
    return (outputs.argmax(-1) == batch.targets).to(outputs.dtype), _weights(outputs, batch)


ACCURACY = Metric("accuracy", "higher", correct)
CROSS_ENTROPY = Metric("cross-entropy", "lower", cross_entropy)
MSE = Metric("mse", "lower", squared_error)
MAE = Metric("mae", "lower", absolute_error)
RMSE = Metric("rmse", "lower", squared_error, math.sqrt)


def loss_of(task: Task) -> Measure:
    """Return the training loss: cross-entropy for token outputs, squared error for vectors."""
    return cross_entropy if isinstance(task.outputs, Tokens) else squared_error


def mean_loss(measure: Measure, outputs: Tensor, batch: Batch) -> Tensor:
    """Return the weighted mean of ``measure`` over the batch, a scalar that can be differentiated."""
    if _all_count(
        outputs, batch
    ):  # one operation where the general way takes several: this runs at every optimizer step
        if measure is cross_entropy:
            return F.cross_entropy(outputs.flatten(0, -2), batch.targets.flatten())
        if measure is squared_error:
            return F.mse_loss(outputs, batch.targets)
    values, weights = measure(outputs, batch)
    if weights is None:
        return values.mean()
    return (values * weights).sum() / weights.sum().clamp_min(1)
