"""Layout of the weights of torch's recurrent modules, by layer and gate.

torch stacks the gate blocks of a layer along the first axis. :func:`layer_weights` returns them in
the order in which the equations of an architecture use them. The result is computed from torch's
parameters, so that gradients flow back to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RNN_GATES = ("state",)
LSTM_GATES = ("input", "forget", "candidate", "output")
GRU_GATES = ("reset", "update", "candidate")
"""torch's order of the gate blocks, in its documentation ``i f g o`` and ``r z n``."""

_GATES = {"RNN_TANH": RNN_GATES, "RNN_RELU": RNN_GATES, "LSTM": LSTM_GATES, "GRU": GRU_GATES}


@dataclass(frozen=True)
class LayerWeights:
    """The weights of one layer and direction: G gate blocks of H rows each, stacked.

    Attributes:
        input: (G * H, D), applied to the layer's input at this step.
        recurrent: (G * H, P), applied to the hidden state of the previous step; P is H without a
            projection.
        input_bias: (G * H,).
        recurrent_bias: (G * H,); only the sum of both biases matters, except in the candidate of
            a GRU.
        projection: (P, H), applied to the new hidden state of a projected LSTM; else ``None``.
    """

    input: Tensor
    recurrent: Tensor
    input_bias: Tensor
    recurrent_bias: Tensor
    projection: Tensor | None = None


def torch_gates(recurrence: nn.RNNBase) -> tuple[str, ...]:
    """Return the names of a module's gates, in torch's order."""
    return _GATES[recurrence.mode]


def gate_rows(recurrence: nn.RNNBase, gate: str) -> slice:
    """Return the rows of one gate in torch's stacked weights and biases."""
    start = torch_gates(recurrence).index(gate) * recurrence.hidden_size
    return slice(start, start + recurrence.hidden_size)


def layer_weights(recurrence: nn.RNNBase, gates: Sequence[str] | None = None) -> list[LayerWeights]:
    """Return the weights of every layer and direction, with gate blocks in the order ``gates``.

    With ``gates=None``, or torch's own order, they are torch's parameters themselves.
    """

    def reordered(stacked: Tensor) -> Tensor:
        if gates is None or tuple(gates) == torch_gates(recurrence):
            return stacked
        return torch.cat([stacked[gate_rows(recurrence, gate)] for gate in gates])

    return [
        LayerWeights(*map(reordered, stacked[:4]), *stacked[4:])
        for stacked in recurrence.all_weights
    ]
