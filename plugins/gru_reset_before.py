"""The gated recurrent unit as published, with the reset gate before the matrix product.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (3H, D), U (3H, H), b (3H) in
blocks r, z and n, and ``*`` elementwise::

    r_t = sigmoid(W_r x_t + U_r h_{t-1} + b_r)              reset
    z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z)              update
    n_t = tanh(W_n x_t + U_n (r_t * h_{t-1}) + b_n)         candidate
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

z = 1 keeps the state. ``gru`` applies the reset gate after the product, as torch and cuDNN do:
``r_t * (U_n h_{t-1} + b'_n)``. Here the candidate has a matrix product of its own, which waits for
the reset gate.

Source: Cho et al. 2014. Deviation: biases, which the source omits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import Cell, RegisterModel, hookimpl

from ._common.gates import input_weights, recurrent_weights, set_gate_bias
from ._common.options import Bias
from .gru import CITATIONS


class ResetBeforeGRU(Cell):
    """Gated recurrent unit, reset gate before the matrix product (Cho et al. 2014).

    Initialisation: W Glorot uniform and U orthogonal per gate, b = 0 but for ``update_bias``.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        update_bias: initial b_z. The gate keeps the state where it is open, so that a larger bias
            is a longer memory; 0: the state is halved at every step.
    """

    def __init__(self, input_size: int, hidden_size: int, update_bias: Bias = 0.0) -> None:
        super().__init__(input_size, hidden_size)
        self.into = input_weights(3, input_size, hidden_size)
        self.recurrent = recurrent_weights(3, hidden_size)
        set_gate_bias(self.into, 3, 1, update_bias)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, 3H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map W x_t + b (B, 3H) and h_{t-1} (B, H) to h_t, which is output and state."""
        gates_end = [2 * self.hidden_size]
        input_gates, input_n = projected.tensor_split(gates_end, dim=-1)
        weight_gates, weight_n = self.recurrent.tensor_split(gates_end)
        gates = torch.sigmoid(input_gates + F.linear(state, weight_gates))  # (B, 2H)
        reset, update = gates.chunk(2, dim=-1)
        candidate = torch.tanh(input_n + F.linear(reset * state, weight_n))
        h = (1 - update) * candidate + update * state
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``gru-reset-before``."""
    register("gru-reset-before", ResetBeforeGRU, citations=CITATIONS, family="gated")
