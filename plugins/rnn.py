"""The vanilla recurrent network.

Equations, for layer input x_t and hidden state h_t, with phi = tanh or relu::

    h_t = phi(W x_t + b + U h_{t-1} + b')

torch has two bias vectors; only their sum matters.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl

from ._common.fused import run_fused
from ._common.initialization import initialize
from ._common.layout import LayerWeights
from ._common.options import PLAIN_LOOP, Implementation, Rate, check_dropout
from ._common.plain_loop import State, Step, unroll_hidden

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
        nonlinearity: ``tanh``, or ``relu``, whose state is unbounded.
        init: ``orthogonal`` recurrent and Glorot uniform input weights, zero biases; ``identity``:
            recurrent weights equal to the identity, for relu (Le et al. 2015);
            ``torch``: torch's own.
        impl: ``fused``: torch's kernel; ``reference``: the plain loop, written from the equations.
            Both are the same function of the same parameters.

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
            step = _step(self.recurrence.nonlinearity)
            return unroll_hidden(step, self.recurrence, x, state, lengths)
        return run_fused(self.recurrence, x, state, lengths)


def _step(nonlinearity: str) -> Step:
    phi = torch.tanh if nonlinearity == "tanh" else torch.relu

    def step(projected: Tensor, state: State, weights: LayerWeights) -> State:
        (h,) = state
        return (phi(projected + F.linear(h, weights.recurrent, weights.recurrent_bias)),)  # (B, H)

    return step


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``rnn``."""
    register("rnn", RNN, citations=CITATIONS, plain_loop=PLAIN_LOOP, family="simple")
