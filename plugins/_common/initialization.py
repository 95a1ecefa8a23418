"""Initialisation of recurrent modules, all in one place.

===================  ==================================
parameter            ``init=orthogonal``
===================  ==================================
input weights        Glorot uniform, per gate
recurrent weights    orthogonal, per gate
projection           orthonormal rows
biases               zero
forget gate (LSTM)   ``forget_bias``
update gate (GRU)    ``update_bias``
===================  ==================================

``init=identity`` (vanilla RNN only) is ``orthogonal`` with two changes: recurrent weights equal to
the identity, and input weights from a normal distribution of standard deviation 0.001 (Le, Jaitly &
Hinton 2015).

``init=torch`` keeps torch's own initialisation: all parameters, biases included, uniform in
``[-1/sqrt(H), 1/sqrt(H)]``, where H is the hidden size.

torch has two bias vectors, of which only the sum matters. A bias set here is the input bias; the
recurrent bias is zero.

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
    """Initialise all parameters as in the table above, from torch's global generator."""
    if init == "torch":
        return  # done by torch when the module was built
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
    """Initialise an LSTM, with ``forget_bias`` in every layer and direction.

    ``init=torch`` keeps torch's own initialisation and ignores ``forget_bias``.
    """
    initialize(recurrence, init)
    if init != "torch":
        for layer in range(len(recurrence.all_weights)):
            values = torch.full((recurrence.hidden_size,), forget_bias)
            _set_gate_bias(recurrence, layer, "forget", values)


def initialize_gru(recurrence: nn.GRU, init: Initialisation, update_bias: float) -> None:
    """Initialise a GRU, with ``update_bias`` in every layer.

    ``init=torch`` keeps torch's own initialisation and ignores ``update_bias``.
    """
    initialize(recurrence, init)
    if init != "torch":
        for layer in range(len(recurrence.all_weights)):
            values = torch.full((recurrence.hidden_size,), update_bias)
            _set_gate_bias(recurrence, layer, "update", values)


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
    """Set one gate's bias to ``values`` (H,)."""
    weights = layer_weights(recurrence)[layer]
    rows = gate_rows(recurrence, gate)
    with torch.no_grad():
        weights.input_bias[rows] = values
        weights.recurrent_bias[rows] = 0.0
