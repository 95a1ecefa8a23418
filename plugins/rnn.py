"""The vanilla recurrent network.

Equations, for layer input x_t and hidden state h_t, with phi = tanh or relu::

    h_t = phi(W x_t + b + U h_{t-1} + b')

torch keeps two biases; only their sum matters.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, hookimpl

from ._common.initialization import initialize
from ._common.layout import LayerWeights, layer_weights
from ._common.options import Implementation, Rate, check_dropout
from ._common.padding import run_padded
from ._common.reference import State, Step, unroll

CITATIONS = (
    Citation(
        "Elman 1990",
        "Finding structure in time",
        "Cognitive Science 14(2)",
        "https://doi.org/10.1207/s15516709cog1402_1",
    ),
    Citation(
        "Le et al. 2015",
        "A simple way to initialize recurrent networks of rectified linear units",
        "arXiv:1504.00941",
        "https://arxiv.org/abs/1504.00941",
    ),
)


class RNN(nn.Module):
    """Vanilla recurrent network with tanh or relu (Elman 1990).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_layers: L, stacked.
        dropout: rate between layers while training.
        nonlinearity: ``relu`` does not saturate, so nothing bounds its state.
        init: ``orthogonal`` recurrent and Glorot uniform input weights, zero biases; ``identity``:
            recurrent weights equal to the identity, made for relu (Le, Jaitly & Hinton 2015);
            ``torch``: torch's own.
        impl: torch's fused kernel, or the plain loop written from the equations; the same function
            of the same parameters.

    Raises:
        ValueError: dropout with a single layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 1,
        dropout: Rate = 0.0,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        init: Literal["orthogonal", "identity", "torch"] = "orthogonal",
        impl: Implementation = "fused",
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        self.impl = impl
        self.recurrence = nn.RNN(
            input_size,
            hidden_size,
            num_layers,
            nonlinearity=nonlinearity,
            batch_first=True,
            dropout=dropout,
        )
        initialize(self.recurrence, init)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Map x (B, T, D) and state (L, B, H) to outputs (B, T, H) and the new state.

        With ``lengths`` (B,), outputs beyond each sequence's end are zero and the state is that of
        its last valid step.
        """
        if self.impl == "reference":
            return self._loop(x, state, lengths)
        result: Any = (
            self.recurrence(x, state)
            if lengths is None
            else run_padded(self.recurrence, x, state, lengths)
        )
        return result  # type: ignore[no-any-return]

    def _loop(
        self, x: Tensor, state: Tensor | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        rnn = self.recurrence
        if state is None:
            state = x.new_zeros(rnn.num_layers, x.shape[0], rnn.hidden_size)
        dropout = rnn.dropout if self.training else 0.0
        outputs, (last,) = unroll(
            _step(rnn.nonlinearity), layer_weights(rnn), x, (state,), lengths, dropout=dropout
        )
        return outputs, last


def _step(nonlinearity: str) -> Step:
    phi = torch.tanh if nonlinearity == "tanh" else torch.relu

    def step(projected: Tensor, state: State, weights: LayerWeights) -> State:
        (h,) = state
        return (phi(projected + F.linear(h, weights.recurrent, weights.recurrent_bias)),)  # (B, H)

    return step


@hookimpl
def register_models(register: Any) -> None:
    """Register ``rnn``."""
    register("rnn", RNN, citations=CITATIONS)
