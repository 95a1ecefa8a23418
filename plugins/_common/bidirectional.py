"""A bidirectional LSTM over right-padded sequences without packing them.

Packing rules out torch's fused CPU kernels and synchronises with a GPU to read the lengths. It is
not needed: right padding cannot reach an earlier step of the forward direction, and the backward
direction reads each sequence's valid steps in reverse order, with the padding left in place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnbench import padding_mask

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def run_bidirectional(recurrence: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """Run a batch-first bidirectional module over x (B, T, D) from a fresh state.

    Returns:
        Outputs (B, T, 2H), forward direction first, zero beyond each sequence's end; equal to
        those of packed sequences.
    """
    steps = torch.arange(x.shape[1], device=x.device)
    padded = padding_mask(lengths, x.shape[1])  # (B, T)
    # valid steps in reverse order; a permutation that is its own inverse
    mirrored = torch.where(padded, steps, lengths[:, None] - 1 - steps)  # (B, T)
    # a NaN in the padding would reach the gradients of the weights
    outputs = x.masked_fill(padded[..., None], 0.0)
    for layer in range(recurrence.num_layers):
        if layer:
            outputs = F.dropout(outputs, recurrence.dropout, recurrence.training)
        forward = _run_direction(recurrence, outputs, f"_l{layer}")
        reverse = _run_direction(recurrence, _reorder(outputs, mirrored), f"_l{layer}_reverse")
        outputs = torch.cat([forward, _reorder(reverse, mirrored)], dim=-1)  # (B, T, 2H)
        outputs = outputs.masked_fill(padded[..., None], 0.0)
    return outputs


def _run_direction(recurrence: nn.LSTM, x: Tensor, suffix: str) -> Tensor:
    """Run one layer in one direction from a fresh state: x (B, T, D) -> (B, T, H)."""
    weights = [getattr(recurrence, name + suffix) for name in _WEIGHTS]
    start = x.new_zeros(1, x.shape[0], recurrence.hidden_size)
    outputs, _, _ = torch.lstm(
        x, (start, start), weights, True, 1, 0.0, recurrence.training, False, True
    )
    return outputs


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    """Return the steps of x (B, T, D) in the order (B, T)."""
    return x.gather(1, order[..., None].expand_as(x))
