"""The minimal gated unit: a GRU with a single gate.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (2H, D), U (2H, H), b (2H) in
blocks f and n, and ``*`` elementwise::

    f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)              forget
    n_t = tanh(W_n x_t + U_n (f_t * h_{t-1}) + b_n)         candidate
    h_t = (1 - f_t) * h_{t-1} + f_t * n_t

The gate is reset and update gate in one. f = 0 keeps the state.

Source: Zhou et al. 2016. Without deviation in the equations; the initialisation is that of the
other gated models here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.gates import input_weights, recurrent_weights, set_gate_bias
from ._common.options import Bias

CITATIONS = (
    Citation(
        "Zhou et al. 2016",
        "Minimal gated unit for recurrent neural networks",
        "International Journal of Automation and Computing 13(3)",
        "https://arxiv.org/abs/1603.09420",
    ),
)


class MGU(Cell):
    """Minimal gated unit (Zhou et al. 2016).

    Initialisation: W Glorot uniform and U orthogonal per gate, b = 0 but for ``gate_bias``.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        gate_bias: initial b_f. 0: the state is halved at every step; below 0 the gate starts more
            closed, for a longer memory.
    """

    def __init__(self, input_size: int, hidden_size: int, gate_bias: Bias = 0.0) -> None:
        super().__init__(input_size, hidden_size)
        self.into = input_weights(2, input_size, hidden_size)
        self.recurrent = recurrent_weights(2, hidden_size)
        set_gate_bias(self.into, 2, 0, gate_bias)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, 2H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map W x_t + b (B, 2H) and h_{t-1} (B, H) to h_t, which is output and state."""
        input_f, input_n = projected.chunk(2, dim=-1)
        weight_f, weight_n = self.recurrent.chunk(2)
        forget = torch.sigmoid(input_f + F.linear(state, weight_f))
        candidate = torch.tanh(input_n + F.linear(forget * state, weight_n))
        h = (1 - forget) * state + forget * candidate
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``mgu``."""
    register("mgu", MGU, citations=CITATIONS, family="gated")
