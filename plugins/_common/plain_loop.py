"""The plain loop over layers and steps that the reference implementations share.

An architecture is a function from one step's projected input and state to the next state; here it
is unrolled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import padding_mask

from .layout import LayerWeights

State: TypeAlias = tuple[Tensor, ...]
"""Tensors of first axes (B, ...); the first of them is the hidden state, which is the output."""
Step: TypeAlias = Callable[[Tensor, State, LayerWeights], State]
"""``(W x_t + b, state of the step before, weights) -> state``; W and b hold every gate, so the
first is (B, G * H).
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
        layers: the weights of each of the L layers, gate blocks in the order that ``step`` expects.
        x: (B, T, D).
        state: tensors of shape (L, B, ...), the hidden state first.
        lengths: (B,) number of valid steps; later ones are never read, their outputs are zero and
            they change no state.
        dropout: rate on the outputs of each layer but the last, drawn anew at each step (Zaremba et
            al. 2014).
        recurrent_dropout: rate on the hidden state that a step reads; one mask per sequence and
            layer, the same at every step (Gal & Ghahramani 2016).

    Returns:
        Outputs (B, T, O) of the last layer, and the state after each sequence's last valid step.
    """
    padded = (
        None if lengths is None else padding_mask(lengths, x.shape[1]).unsqueeze(-1)
    )  # (B, T, 1)
    outputs = x if padded is None else x.masked_fill(padded, 0.0)
    last: list[State] = []
    for index, weights in enumerate(layers):
        if index:
            outputs = F.dropout(outputs, dropout)
        before = tuple(part[index] for part in state)
        kept = (
            F.dropout(torch.ones_like(before[0]), recurrent_dropout) if recurrent_dropout else None
        )
        outputs, after = _unroll_layer(step, weights, outputs, before, padded, kept)
        last.append(after)
    return outputs, tuple(torch.stack(parts) for parts in zip(*last, strict=True))


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
