"""A bidirectional LSTM over right-padded sequences without packing them.

Packing rules out torch's fused CPU kernels and synchronises with a GPU to read the lengths. It is
not needed: right padding cannot reach an earlier step of the forward direction, and the backward
direction reads each sequence's valid steps in reverse order, with the padding left in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnbench import padding_mask

from .layout import layer_weights
from .lstm_cell import lstm_step
from .plain_loop import State, unroll

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_Direction: TypeAlias = Callable[[Tensor, int], Tensor]
"""``(x (B, T, D), direction) -> outputs (B, T, H)``.

Directions are numbered as torch does: 2l is the forward one of layer l, 2l + 1 the backward one.
"""


def run_bidirectional(recurrence: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """Run a batch-first bidirectional module over x (B, T, D) from a fresh state.

    Returns:
        Outputs (B, T, 2H), forward direction first, zero beyond each sequence's end; equal to
        those of packed sequences.
    """

    def run(x: Tensor, direction: int) -> Tensor:
        suffix = f"_l{direction // 2}" + ("_reverse" if direction % 2 else "")
        weights = [getattr(recurrence, name + suffix) for name in _WEIGHTS]
        start = x.new_zeros(1, x.shape[0], recurrence.hidden_size)
        outputs, _, _ = torch.lstm(
            x, (start, start), weights, True, 1, 0.0, recurrence.training, False, True
        )
        return outputs

    return _run_layers(recurrence, run, x, lengths)


def unroll_bidirectional(
    recurrence: nn.LSTM,
    x: Tensor,
    state: tuple[Tensor, Tensor] | None = None,
    lengths: Tensor | None = None,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run the plain loops of both directions over x (B, T, D).

    Args:
        recurrence: the module with the weights.
        x: (B, T, D).
        state: h and c, each (2L, B, H), where the directions start; ``None`` starts at zero.
        lengths: (B,) number of valid steps, or ``None`` if all are T.

    Returns:
        Outputs (B, T, 2H) as above, and the state after T steps in torch's order. With ``lengths``
        that state is meaningless for the shorter sequences.
    """
    layers = layer_weights(recurrence)
    if state is None:
        start = x.new_zeros(len(layers), x.shape[0], recurrence.hidden_size)
        state = (start, start)
    h, c = state
    last: list[State] = []

    def run(x: Tensor, direction: int) -> Tensor:
        here = slice(direction, direction + 1)
        outputs, after = unroll(lstm_step, layers[here], x, (h[here], c[here]))
        last.append(after)
        return outputs

    outputs = _run_layers(recurrence, run, x, lengths)
    after_h, after_c = (torch.cat(parts) for parts in zip(*last, strict=True))
    return outputs, (after_h, after_c)


def _run_layers(recurrence: nn.LSTM, run: _Direction, x: Tensor, lengths: Tensor | None) -> Tensor:
    steps = torch.arange(x.shape[1], device=x.device)
    if lengths is None:
        lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
    padded = padding_mask(lengths, x.shape[1])  # (B, T)
    # valid steps in reverse order; a permutation that is its own inverse
    mirrored = torch.where(padded, steps, lengths[:, None] - 1 - steps)  # (B, T)
    # a NaN in the padding would reach the gradients of the weights
    outputs = x.masked_fill(padded[..., None], 0.0)
    for layer in range(recurrence.num_layers):
        if layer:
            outputs = F.dropout(outputs, recurrence.dropout, recurrence.training)
        forward = run(outputs, 2 * layer)
        reverse = run(_reorder(outputs, mirrored), 2 * layer + 1)
        outputs = torch.cat([forward, _reorder(reverse, mirrored)], dim=-1)  # (B, T, 2H)
        outputs = outputs.masked_fill(padded[..., None], 0.0)
    return outputs


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    """Return the steps of x (B, T, D) in the order (B, T)."""
    return x.gather(1, order[..., None].expand_as(x))
