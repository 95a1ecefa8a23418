"""The LSTM with coupled input and forget gates (CIFG): what it forgets is what it takes in.

Equations, for layer input x_t (D), hidden state h_t (H) and cell state c_t (H), with W (3H, D),
U (3H, H), b (3H) in blocks f, g and o, and ``*`` elementwise::

    f, g, o = W x_t + U h_{t-1} + b
    c_t = sigmoid(f) * c_{t-1} + (1 - sigmoid(f)) * tanh(g)
    h_t = sigmoid(o) * tanh(c_t)

The cell state stays within [-1, 1].

Source: Greff et al. 2017, variant CIFG. Deviation: without peepholes, which their baseline has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import RegisterModel, hookimpl

from ._common import citations
from ._common.gates import set_gate_bias
from ._common.lstm_variant import GREFF, LSTMVariant
from ._common.options import Bias

CITATIONS = (GREFF, citations.LSTM, citations.FORGET_GATE)


class CoupledLSTM(LSTMVariant):
    """LSTM with coupled input and forget gates, CIFG (Greff et al. 2017).

    Initialisation: W Glorot uniform and U orthogonal per gate, b = 0 but for ``forget_bias``.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        forget_bias: initial bias of the forget gate; the input gate is 1 minus its value.
    """

    def __init__(self, input_size: int, hidden_size: int, forget_bias: Bias = 1.0) -> None:
        super().__init__(input_size, hidden_size, 3)
        set_gate_bias(self.into, 3, 0, forget_bias)

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map W x_t + b (B, 3H), blocks f, g, o, and (h, c) to h_t and (h_t, c_t)."""
        h, c = state
        gates = projected + F.linear(h, self.recurrent)  # (B, 3H)
        forget, candidate, output = gates.chunk(3, dim=-1)
        kept = torch.sigmoid(forget)
        c = kept * c + (1 - kept) * torch.tanh(candidate)
        h = torch.sigmoid(output) * torch.tanh(c)
        return h, (h, c)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``coupled-lstm``."""
    register("coupled-lstm", CoupledLSTM, citations=CITATIONS, family="gated")
