"""The plain loop of an LSTM, for ``impl=reference``; equations in ``lstm.py``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layout import LayerWeights, layer_weights
from .plain_loop import State, unroll


def lstm_step(projected: Tensor, state: State, weights: LayerWeights) -> State:
    """Advance (h, c) by one step."""
    h, c = state
    gates = projected + F.linear(h, weights.recurrent, weights.recurrent_bias)  # (B, 4H)
    input_, forget, candidate, output = gates.chunk(4, dim=-1)  # 4 x (B, H)
    c = torch.sigmoid(forget) * c + torch.sigmoid(input_) * torch.tanh(candidate)
    h = torch.sigmoid(output) * torch.tanh(c)
    if weights.projection is not None:
        h = F.linear(h, weights.projection)  # (B, H) -> (B, P)
    return h, c


def unroll_lstm(
    recurrence: nn.LSTM,
    x: Tensor,
    state: tuple[Tensor, Tensor] | None = None,
    lengths: Tensor | None = None,
    *,
    recurrent_dropout: float = 0.0,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run the plain loop of a batch-first, unidirectional ``nn.LSTM``.

    Args:
        recurrence: the module with the weights; its dropout applies while it trains.
        x: (B, T, D).
        state: h (L, B, O) and c (L, B, H); ``None`` starts at zero.
        lengths: (B,) number of valid steps, or ``None`` if all are T.
        recurrent_dropout: rate on the hidden state that a step reads, while the module trains.

    Returns:
        Outputs (B, T, O), and the state in the shapes given; O is P with a projection, H without.
    """
    if state is None:
        width = recurrence.proj_size or recurrence.hidden_size
        h = x.new_zeros(recurrence.num_layers, x.shape[0], width)
        state = (h, x.new_zeros(recurrence.num_layers, x.shape[0], recurrence.hidden_size))
    training = recurrence.training
    outputs, (h, c) = unroll(
        lstm_step,
        layer_weights(recurrence),
        x,
        state,
        lengths,
        dropout=recurrence.dropout if training else 0.0,
        recurrent_dropout=recurrent_dropout if training else 0.0,
    )
    return outputs, (h, c)
