"""A bidirectional LSTM over right-padded sequences without packing them.

Packing keeps torch from its fused CPU kernels and waits for a GPU to tell the lengths. Neither is
needed: padding on the right cannot reach an earlier step of the forward direction, and the backward
direction reads each sequence's own steps in reverse, with the padding left where it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnbench import padding_mask

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def run_both_ways(recurrence: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """Run a batch-first bidirectional module over x (B, T, D) from a fresh state.

    Returns:
        Outputs (B, T, 2H), forward half first, zero beyond each sequence's end; equal to what
        packing gives.
    """
    steps = torch.arange(x.shape[1], device=x.device)
    beyond = padding_mask(lengths, x.shape[1])  # (B, T)
    mirrored = torch.where(beyond, steps, lengths[:, None] - 1 - steps)  # (B, T), its own inverse
    outputs = x.masked_fill(
        beyond[..., None], 0.0
    )  # whatever padding holds, a NaN too, must not meet a weight's gradient
    for layer in range(recurrence.num_layers):
        if layer:
            outputs = F.dropout(outputs, recurrence.dropout, recurrence.training)
        forward = _one_way(recurrence, outputs, f"_l{layer}")
        backward = _in_order(
            _one_way(recurrence, _in_order(outputs, mirrored), f"_l{layer}_reverse"), mirrored
        )
        outputs = torch.cat([forward, backward], dim=-1).masked_fill(
            beyond[..., None], 0.0
        )  # (B, T, 2H)
    return outputs


def _one_way(recurrence: nn.LSTM, x: Tensor, suffix: str) -> Tensor:
    weights = [getattr(recurrence, name + suffix) for name in _WEIGHTS]
    start = x.new_zeros(1, x.shape[0], recurrence.hidden_size)
    outputs, _, _ = torch.lstm(
        x, (start, start), weights, True, 1, 0.0, recurrence.training, False, True
    )
    return outputs


def _in_order(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order[..., None].expand_as(x))
