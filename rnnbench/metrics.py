"""Losses and metrics, as weighted means over the predictions that count.

A measure is ``(outputs, batch) -> (values, weights)`` with one value and one weight per prediction:

===========  ===================  =================  ==================
steps        outputs              targets            values and weights
===========  ===================  =================  ==================
``"last"``   (B, V) logits        (B,) int64         (B,)
``"last"``   (B, dim)             (B, dim) float     (B,)
``"every"``  (B, T, V) logits     (B, T) int64       (B, T)
``"every"``  (B, T, dim)          (B, T, dim) float  (B, T)
===========  ===================  =================  ==================

The weights are 0 on padding and masked steps, or ``None`` when all are 1. Outputs of width ``dim``
are values for vectors and logits for bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from rnnbench.contract.task import Batch, Bits, Metric, Tokens

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench.contract.task import Measure, Space, Task


def counted_steps(outputs: Tensor, batch: Batch) -> Tensor:
    """Return the weight of each prediction: 1 if it counts, 0 on padding and masked steps.

    Args:
        outputs: (B, V|dim) for steps ``"last"``, (B, T, V|dim) for ``"every"``.
        batch: its ``lengths`` (B,) and ``mask`` (B, T) are read for steps ``"every"``.

    Returns:
        (B,), all 1, for steps ``"last"``; (B, T) for ``"every"``; of the data type of ``outputs``.
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
    """Return the cross-entropy of logits, in nats, for each prediction.

    Args:
        outputs: logits (B, V) for steps ``"last"``, (B, T, V) for ``"every"``.
        batch: ``batch.targets`` is (B,) or (B, T) int64.

    Returns:
        Values and weights, (B,) or (B, T); the weights are ``None`` when all are 1.
    """
    values = F.cross_entropy(outputs.flatten(0, -2), batch.targets.flatten(), reduction="none")
    return values.view(batch.targets.shape), _weights(outputs, batch)


def bit_cross_entropy(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Return the negative log-likelihood of each set, in nats, summed over its bits.

    The bits are independent Bernoulli variables with logits z. For a target y the value is
    ``sum(log(1 + exp((1 - 2 y) z)))``, which is finite for any finite z. Averaged over frames, it
    is the log-likelihood that the literature on polyphonic music reports, with the sign changed
    (Boulanger-Lewandowski et al. 2012).

    Args:
        outputs: logits (B, dim) for steps ``"last"``, (B, T, dim) for ``"every"``.
        batch: ``batch.targets`` has the shape of ``outputs``, with values of 0 and 1.

    Returns:
        Values and weights, (B,) or (B, T); the weights are ``None`` when all are 1.
    """
    # torch's binary_cross_entropy_with_logits does not use log1p: in float32 it is wrong by 0.3 %
    # at a logit of 9, and most notes of a frame are as improbable
    wrong = (1 - 2 * batch.targets) * outputs
    return F.softplus(wrong).sum(-1), _weights(outputs, batch)


def squared_error(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Return the squared error of each prediction, averaged over the output width.

    Args:
        outputs: (B, dim) for steps ``"last"``, (B, T, dim) for ``"every"``.
        batch: ``batch.targets`` has the shape of ``outputs``.

    Returns:
        Values and weights, (B,) or (B, T); the weights are ``None`` when all are 1.
    """
    return (outputs - batch.targets).square().mean(-1), _weights(outputs, batch)


def absolute_error(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Return the absolute error of each prediction, averaged over the output width.

    Args:
        outputs: (B, dim) for steps ``"last"``, (B, T, dim) for ``"every"``.
        batch: ``batch.targets`` has the shape of ``outputs``.

    Returns:
        Values and weights, (B,) or (B, T); the weights are ``None`` when all are 1.
    """
    return (outputs - batch.targets).abs().mean(-1), _weights(outputs, batch)


def correct(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Return 1 for each prediction whose largest logit is at the target, else 0.

    Args:
        outputs: logits (B, V) for steps ``"last"``, (B, T, V) for ``"every"``.
        batch: ``batch.targets`` is (B,) or (B, T) int64.

    Returns:
        Values and weights, (B,) or (B, T); the weights are ``None`` when all are 1.
    """
    return (outputs.argmax(-1) == batch.targets).to(outputs.dtype), _weights(outputs, batch)


ACCURACY = Metric("accuracy", "higher", correct)
CROSS_ENTROPY = Metric("cross-entropy", "lower", cross_entropy)
NLL_PER_FRAME = Metric("NLL per frame", "lower", bit_cross_entropy)
MSE = Metric("mse", "lower", squared_error)
MAE = Metric("mae", "lower", absolute_error)
RMSE = Metric("rmse", "lower", squared_error, math.sqrt)


def loss_of(task: Task) -> Measure:
    """Return the training loss of a task.

    It is :func:`cross_entropy` for token outputs, :func:`squared_error` for vectors and
    :func:`bit_cross_entropy` for bits.
    """
    return loss_for(task.outputs)


def loss_for(outputs: Space) -> Measure:
    """Return the training loss of an output space; see :func:`loss_of`."""
    if isinstance(outputs, Tokens):
        return cross_entropy
    return bit_cross_entropy if isinstance(outputs, Bits) else squared_error


def mean_loss(measure: Measure, outputs: Tensor, batch: Batch) -> Tensor:
    """Return the weighted mean of a measure over a batch.

    Args:
        measure: e.g. :func:`cross_entropy`.
        outputs: (B, V|dim) for steps ``"last"``, (B, T, V|dim) for ``"every"``.
        batch: the targets, lengths and mask.

    Returns:
        A differentiable scalar tensor; 0 when no prediction counts.
    """
    # runs at every optimizer step: one operation where the general way takes several
    if _all_count(outputs, batch):
        if measure is cross_entropy:
            return F.cross_entropy(outputs.flatten(0, -2), batch.targets.flatten())
        if measure is squared_error:
            return F.mse_loss(outputs, batch.targets)
    values, weights = measure(outputs, batch)
    if weights is None:
        return values.mean()
    return (values * weights).sum() / weights.sum().clamp_min(1)
