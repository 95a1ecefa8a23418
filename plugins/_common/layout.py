"""Where torch keeps the weights of its recurrent modules, and how that maps to the equations.

torch stacks the blocks of a layer's gates along the first axis, in an order of its own. Equations
are easier to read in the order in which things happen, so :func:`layer_weights` hands the blocks
out in the order that is asked for. The result is computed from torch's parameters, so gradients
flow back into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RNN_GATES = ("state",)
LSTM_GATES = ("input", "forget", "candidate", "output")
GRU_GATES = ("reset", "update", "candidate")
"""torch's order of the gate blocks (there called ``i f g o`` and ``r z n``)."""

_GATES = {"RNN_TANH": RNN_GATES, "RNN_RELU": RNN_GATES, "LSTM": LSTM_GATES, "GRU": GRU_GATES}


@dataclass(frozen=True)
class LayerWeights:
    """The weights of one layer and direction: G gate blocks of H rows each, stacked.

    Attributes:
        input: (G * H, D), applied to the layer's input at this step.
        recurrent: (G * H, P), applied to the hidden state of the step before; P is H where there is
            no projection.
        input_bias: (G * H,).
        recurrent_bias: (G * H,). Only the sum of both biases matters, but for a GRU's candidate.
        projection: (P, H), applied to the new hidden state of a projected LSTM; ``None`` elsewhere.
    """

    input: Tensor
    recurrent: Tensor
    input_bias: Tensor
    recurrent_bias: Tensor
    projection: Tensor | None = None


def torch_gates(recurrence: nn.RNNBase) -> tuple[str, ...]:
    """Return the names of a module's gates in torch's order."""
    return _GATES[recurrence.mode]


def gate_rows(recurrence: nn.RNNBase, gate: str) -> slice:
    """Return the rows that belong to one gate in torch's stacked weights and biases."""
    start = torch_gates(recurrence).index(gate) * recurrence.hidden_size
    return slice(start, start + recurrence.hidden_size)


def layer_weights(recurrence: nn.RNNBase, gates: Sequence[str] | None = None) -> list[LayerWeights]:
    """Return the weights of every layer (and, within a layer, every direction) with the blocks in
    the order ``gates``.

    With ``gates=None`` they are torch's own parameters in torch's own order.
    """

    def reordered(stacked: Tensor) -> Tensor:
        if gates is None or tuple(gates) == torch_gates(recurrence):
            return stacked
        return torch.cat([stacked[gate_rows(recurrence, gate)] for gate in gates])

    return [
        LayerWeights(*map(reordered, stacked[:4]), *stacked[4:])
        for stacked in recurrence.all_weights
    ]
