"""Initialisation of recurrent modules, all in one place.

======================  ============================================  =================================================
parameter               ``init=orthogonal``                           ``init=torch``
======================  ============================================  =================================================
input weights           Glorot uniform, each gate's block on its own  uniform in ``[-1/sqrt(H), 1/sqrt(H)]``, H the
recurrent weights       orthogonal, each gate's block on its own      hidden size: all parameters, biases too
projection              orthonormal rows
biases                  zero
forget gate (LSTM)      zero + ``forget_bias``
======================  ============================================  =================================================

``init=identity`` (vanilla RNN only) is ``orthogonal`` but for recurrent weights equal to the
identity and input weights drawn from a normal distribution of standard deviation 0.001 (Le, Jaitly
& Hinton 2015).

torch adds two bias vectors where one would do. A bias set here stands in the input bias, its
recurrent twin is zero: the sum is the value.

Sources: orthogonal Saxe, McClelland & Ganguli 2014; uniform input weights Glorot & Bengio 2010;
forget bias Gers, Schmidhuber & Cummins 2000 and Jozefowicz, Zaremba & Sutskever 2015; chrono Tallec
& Ollivier 2018.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from .layout import gate_rows, layer_weights, torch_gates

Initialisation: TypeAlias = Literal["orthogonal", "torch"]

_IDENTITY_INPUT_DEVIATION = 0.001


def initialize(recurrence: nn.RNNBase, init: Literal["orthogonal", "identity", "torch"]) -> None:
    """Draw all parameters of ``recurrence`` as the table above says, from torch's global generator."""
    if init == "torch":
        return  # torch has drawn them when the module was built
    gates = len(torch_gates(recurrence))
    with torch.no_grad():
        for layer in layer_weights(recurrence):
            for block in layer.input.chunk(gates):  # (H, D)
                if init == "identity":
                    nn.init.normal_(block, std=_IDENTITY_INPUT_DEVIATION)
                else:
                    nn.init.xavier_uniform_(block)
            for block in layer.recurrent.chunk(gates):  # (H, P)
                if init == "identity":
                    nn.init.eye_(block)
                else:
                    nn.init.orthogonal_(block)
            if layer.projection is not None:
                nn.init.orthogonal_(layer.projection)
            layer.input_bias.zero_()
            layer.recurrent_bias.zero_()


def initialize_lstm(recurrence: nn.LSTM, init: Initialisation, forget_bias: float) -> None:
    """Initialise an LSTM, with ``forget_bias`` in every layer and direction unless torch's own
    initialisation is asked for.
    """
    initialize(recurrence, init)
    if init != "torch":
        for layer in range(len(recurrence.all_weights)):
            _set_gate_bias(
                recurrence, layer, "forget", torch.full((recurrence.hidden_size,), forget_bias)
            )


def initialize_chrono(recurrence: nn.LSTM, longest_memory: int) -> None:
    """Spread the units' time scales over 1 to ``longest_memory`` steps (Tallec & Ollivier 2018).

    Per unit and layer: forget bias ``log u`` with ``u`` uniform in ``[1, longest_memory - 1]``,
    input bias ``-log u``.
    """
    for layer in range(len(recurrence.all_weights)):
        forget_bias = torch.empty(recurrence.hidden_size).uniform_(1, longest_memory - 1).log_()
        _set_gate_bias(recurrence, layer, "forget", forget_bias)
        _set_gate_bias(recurrence, layer, "input", -forget_bias)


def _set_gate_bias(recurrence: nn.RNNBase, layer: int, gate: str, values: Tensor) -> None:
    weights = layer_weights(recurrence)[layer]
    rows = gate_rows(recurrence, gate)
    with torch.no_grad():
        weights.input_bias[rows] = values
        weights.recurrent_bias[rows] = 0.0
