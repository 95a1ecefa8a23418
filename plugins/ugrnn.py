"""The update gate recurrent network: a vanilla network with one gate.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (2H, D), U (2H, H), b (2H) in
blocks g and c, ``*`` elementwise and phi = tanh or relu::

    g_t = sigmoid(W_g x_t + U_g h_{t-1} + b_g)              update
    c_t = phi(W_c x_t + U_c h_{t-1} + b_c)                  candidate
    h_t = g_t * h_{t-1} + (1 - g_t) * c_t

g = 1 keeps the state. Gate and candidate share one matrix product with the state.

Source: Collins, Sohl-Dickstein & Sussillo 2017. Without deviation in the equations; they tuned the
initialisation, here it is that of the other gated models.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.gates import input_weights, recurrent_weights, set_gate_bias
from ._common.options import Bias

CITATIONS = (
    Citation(
        "Collins et al. 2017",
        "Capacity and trainability in recurrent neural networks",
        "ICLR",
        "https://arxiv.org/abs/1611.09913",
    ),
)


class UGRNN(Cell):
    """Update gate recurrent network (Collins et al. 2017).

    Initialisation: W Glorot uniform and U orthogonal per gate, b = 0 but for ``update_bias``.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        nonlinearity: phi, ``tanh`` or ``relu``.
        update_bias: initial b_g. The gate keeps the state where it is open; the default of 1 keeps
            0.73 of it at every step, as the forget bias of an LSTM.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        update_bias: Bias = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.phi = torch.tanh if nonlinearity == "tanh" else torch.relu
        self.into = input_weights(2, input_size, hidden_size)
        self.recurrent = recurrent_weights(2, hidden_size)
        set_gate_bias(self.into, 2, 0, update_bias)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, 2H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map W x_t + b (B, 2H) and h_{t-1} (B, H) to h_t, which is output and state."""
        gate, candidate = (projected + F.linear(state, self.recurrent)).chunk(2, dim=-1)
        update = torch.sigmoid(gate)
        h = update * state + (1 - update) * self.phi(candidate)
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``ugrnn``."""
    register("ugrnn", UGRNN, citations=CITATIONS, family="gated")
