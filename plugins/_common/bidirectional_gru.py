"""A bidirectional GRU over right-padded sequences without packing them.

As ``bidirectional.py`` for an LSTM, with the state h alone. The two are separate since the source
of a model is part of the identity of its stored trials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnbench import padding_mask

from .layout import LayerWeights, layer_weights
from .plain_loop import State, unroll

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_Direction: TypeAlias = Callable[[Tensor, int], Tensor]
"""``(x (B, T, D), direction) -> outputs (B, T, H)``; 2l is forward in layer l, 2l + 1 backward."""


def run_bidirectional(recurrence: nn.GRU, x: Tensor, lengths: Tensor) -> Tensor:
    """Run a batch-first bidirectional module over x (B, T, D) from a fresh state.

    Returns:
        Outputs (B, T, 2H), forward direction first, zero beyond each sequence's end; equal to
        those of packed sequences.
    """

    def run(x: Tensor, direction: int) -> Tensor:
        suffix = f"_l{direction // 2}" + ("_reverse" if direction % 2 else "")
        weights = [getattr(recurrence, name + suffix) for name in _WEIGHTS]
        start = x.new_zeros(1, x.shape[0], recurrence.hidden_size)
        outputs, _ = torch.gru(x, start, weights, True, 1, 0.0, recurrence.training, False, True)
        return outputs

    return _run_layers(recurrence, run, x, lengths)


def unroll_bidirectional(
    recurrence: nn.GRU, x: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Run the plain loops of both directions over x (B, T, D).

    Args:
        recurrence: the module with the weights.
        x: (B, T, D).
        state: h (2L, B, H), where the directions start; ``None`` starts at zero.
        lengths: (B,) number of valid steps, or ``None`` if all are T.

    Returns:
        Outputs (B, T, 2H) as above, and the state after T steps in torch's order. With ``lengths``
        that state is meaningless for the shorter sequences.
    """
    layers = layer_weights(recurrence)
    h = x.new_zeros(len(layers), x.shape[0], recurrence.hidden_size) if state is None else state
    last: list[Tensor] = []

    def run(x: Tensor, direction: int) -> Tensor:
        here = slice(direction, direction + 1)
        outputs, (after,) = unroll(_step, layers[here], x, (h[here],))
        last.append(after)
        return outputs

    outputs = _run_layers(recurrence, run, x, lengths)
    return outputs, torch.cat(last)


def _step(projected: Tensor, state: State, weights: LayerWeights) -> State:
    (h,) = state
    input_r, input_z, input_n = projected.chunk(3, dim=-1)  # (B, 3H) -> 3 x (B, H)
    hidden_r, hidden_z, hidden_n = F.linear(h, weights.recurrent, weights.recurrent_bias).chunk(
        3, dim=-1
    )
    update = torch.sigmoid(input_z + hidden_z)
    candidate = torch.tanh(input_n + torch.sigmoid(input_r + hidden_r) * hidden_n)
    return (candidate + update * (h - candidate),)


def _run_layers(recurrence: nn.GRU, run: _Direction, x: Tensor, lengths: Tensor | None) -> Tensor:
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
        backward = run(_reordered(outputs, mirrored), 2 * layer + 1)
        outputs = torch.cat([forward, _reordered(backward, mirrored)], dim=-1)  # (B, T, 2H)
        outputs = outputs.masked_fill(padded[..., None], 0.0)
    return outputs


def _reordered(x: Tensor, order: Tensor) -> Tensor:
    """Return the steps of x (B, T, D) in the order (B, T)."""
    return x.gather(1, order[..., None].expand_as(x))
