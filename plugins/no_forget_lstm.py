"""The LSTM without forget gate (NFG), the constant error carousel of 1997.

Equations, for layer input x_t (D), hidden state h_t (H) and cell state c_t (H), with W (3H, D),
U (3H, H), b (3H) in blocks i, g and o, and ``*`` elementwise::

    i, g, o = W x_t + U h_{t-1} + b
    c_t = c_{t-1} + sigmoid(i) * tanh(g)
    h_t = sigmoid(o) * tanh(c_t)

The cell state is a sum over all steps, without bound.

Source: Hochreiter & Schmidhuber 1997, variant NFG of Greff et al. 2017. Deviations: both squashing
functions are tanh, in place of scaled logistic functions with the ranges [-2, 2] and [-1, 1];
without peepholes, which the baseline of Greff et al. has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import RegisterModel, hookimpl

from ._common import citations
from ._common.lstm_variant import GREFF, LSTMVariant

CITATIONS = (citations.LSTM, GREFF)


class NoForgetLSTM(LSTMVariant):
    """LSTM without forget gate, NFG (Hochreiter & Schmidhuber 1997).

    The cell state is a sum over all steps, without bound. Initialisation: W Glorot uniform and U
    orthogonal per gate, b = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, 3)

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map W x_t + b (B, 3H), blocks i, g, o, and (h, c) to h_t and (h_t, c_t)."""
        h, c = state
        gates = projected + F.linear(h, self.recurrent)  # (B, 3H)
        input_, candidate, output = gates.chunk(3, dim=-1)
        c = c + torch.sigmoid(input_) * torch.tanh(candidate)
        h = torch.sigmoid(output) * torch.tanh(c)
        return h, (h, c)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``no-forget-lstm``."""
    register("no-forget-lstm", NoForgetLSTM, citations=CITATIONS, family="gated")
