"""Weights of a gated cell, with the gate blocks stacked along the first axis.

Initialised as ``init=orthogonal`` of the other recurrent models: input weights Glorot uniform per
gate (Glorot & Bengio 2010), recurrent weights orthogonal per gate (Saxe, McClelland & Ganguli
2014), biases zero.
"""

from __future__ import annotations

import torch
from torch import nn


def input_weights(gates: int, input_size: int, hidden_size: int, *, bias: bool = True) -> nn.Linear:
    """Return the map of an input (..., D) to the gates (..., G * H), with one bias."""
    linear = nn.Linear(input_size, gates * hidden_size, bias=bias)
    with torch.no_grad():
        for block in linear.weight.chunk(gates):  # (H, D)
            nn.init.xavier_uniform_(block)
        if bias:
            linear.bias.zero_()
    return linear


def recurrent_weights(gates: int, hidden_size: int) -> nn.Parameter:
    """Return the weights (G * H, H) that are applied to the hidden state."""
    weight = nn.Parameter(torch.empty(gates * hidden_size, hidden_size))
    with torch.no_grad():
        for block in weight.chunk(gates):  # (H, H)
            nn.init.orthogonal_(block)
    return weight


def set_gate_bias(linear: nn.Linear, gates: int, index: int, value: float) -> None:
    """Set the bias of one of the gates."""
    with torch.no_grad():
        linear.bias.chunk(gates)[index].fill_(value)
