"""The plain loop over layers and time steps, for ``impl=reference``.

An architecture is a function from one step's projected input and state to the next state. The plain
loop applies it step by step; the fused kernels of torch are tested against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import padding_mask

from .layout import LayerWeights, layer_weights

State: TypeAlias = tuple[Tensor, ...]
"""Tensors of first axis B; the first of them is the hidden state, which is also the output."""
Step: TypeAlias = Callable[[Tensor, State, LayerWeights], State]
"""``(W x_t + b, state of the previous step, weights) -> state``.

W and b hold all G gates, so that the first argument has the shape (B, G * H).
"""


def unroll(
    step: Step,
    layers: Sequence[LayerWeights],
    x: Tensor,
    state: State,
    lengths: Tensor | None = None,
    *,
    dropout: float = 0.0,
    recurrent_dropout: float = 0.0,
) -> tuple[Tensor, State]:
    """Run a stack of recurrent layers step by step.

    Args:
        step: the recurrence.
        layers: the weights of each of the L layers, gate blocks in torch's order.
        x: (B, T, D).
        state: tensors of shape (L, B, ...), the hidden state first.
        lengths: (B,) number of valid steps; later steps are not read, their outputs are zero and
            they do not change the state.
        dropout: rate on the outputs of each layer but the last, drawn independently at each step
            (Zaremba et al. 2014).
        recurrent_dropout: rate on the hidden state that a step reads; one mask per sequence and
            layer, the same at every step (Gal & Ghahramani 2016).

    Returns:
        Outputs (B, T, O) of the last layer, and the state after each sequence's last valid step.
    """
    padded = None
    outputs = x
    if lengths is not None:
        padded = padding_mask(lengths, x.shape[1]).unsqueeze(-1)  # (B, T, 1)
        outputs = x.masked_fill(padded, 0.0)
    last: list[State] = []
    for index, weights in enumerate(layers):
        if index:
            outputs = F.dropout(outputs, dropout)
        before = tuple(part[index] for part in state)
        kept = None
        if recurrent_dropout:
            kept = F.dropout(torch.ones_like(before[0]), recurrent_dropout)
        outputs, after = _unroll_layer(step, weights, outputs, before, padded, kept)
        last.append(after)
    return outputs, tuple(torch.stack(parts) for parts in zip(*last, strict=True))


def unroll_hidden(
    step: Step,
    recurrence: nn.RNNBase,
    x: Tensor,
    h: Tensor | None,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Run the plain loop of a torch module whose state is the hidden state alone.

    Args:
        step: the recurrence.
        recurrence: the module with the weights; its dropout applies while it trains.
        x: (B, T, D).
        h: (L, B, H); ``None`` starts at zero.
        lengths: (B,) number of valid steps, or ``None`` if all are T.

    Returns:
        Outputs (B, T, H) and the hidden state (L, B, H).
    """
    if h is None:
        h = x.new_zeros(recurrence.num_layers, x.shape[0], recurrence.hidden_size)
    dropout = recurrence.dropout if recurrence.training else 0.0
    layers = layer_weights(recurrence)
    outputs, (last,) = unroll(step, layers, x, (h,), lengths, dropout=dropout)
    return outputs, last


def _unroll_layer(
    step: Step,
    weights: LayerWeights,
    x: Tensor,
    state: State,
    padded: Tensor | None,
    kept: Tensor | None,
) -> tuple[Tensor, State]:
    projected = F.linear(x, weights.input, weights.input_bias)  # (B, T, D) -> (B, T, G * H)
    outputs = []
    for t, projected_t in enumerate(projected.unbind(1)):
        read = state if kept is None else (state[0] * kept, *state[1:])
        new = step(projected_t, read, weights)
        if padded is None:
            outputs.append(new[0])
        else:
            ended = padded[:, t]  # (B, 1)
            outputs.append(new[0].masked_fill(ended, 0.0))
            new = tuple(
                torch.where(ended, old_part, new_part)
                for old_part, new_part in zip(state, new, strict=True)
            )
        state = new
    return torch.stack(outputs, dim=1), state
