"""Layout of the weights of torch's recurrent modules, by layer and gate.

torch stacks the gate blocks of a layer along the first axis. The plain loops read them in torch's
order: another order would cost them a copy of all weights in every call.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

# in torch's documentation i f g o and r z n
_GATES = {
    "RNN_TANH": ("state",),
    "RNN_RELU": ("state",),
    "LSTM": ("input", "forget", "candidate", "output"),
    "GRU": ("reset", "update", "candidate"),
}


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


def layer_weights(recurrence: nn.RNNBase) -> list[LayerWeights]:
    """Return the weights of every layer and direction; they are torch's parameters themselves."""
    return [LayerWeights(*stacked) for stacked in recurrence.all_weights]
