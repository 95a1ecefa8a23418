"""Scores of given outputs, without a network."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.contract.task import Batch, Measure


def weighted_mean(measure: Measure, outputs: Tensor, batch: Batch) -> float:
    """Return ``sum(values * weights) / sum(weights)`` of a measure on given outputs.

    Args:
        measure: a task's ``metric.measure``, or a loss.
        outputs: (B, V|dim) or (B, T, V|dim).
        batch: the targets, lengths and mask to measure against.
    """
    values, weights = measure(outputs, batch)
    weights = torch.ones_like(values) if weights is None else weights
    return float((values.double() * weights.double()).sum() / weights.double().sum())
