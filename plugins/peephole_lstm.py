"""The LSTM with peephole connections: its gates see the cell state.

Equations, for layer input x_t (D), hidden state h_t (H) and cell state c_t (H), with W (4H, D),
U (4H, H), b (4H) in blocks i, f, g and o, peephole weights p (H), and ``*`` elementwise::

    i, f, g, o = W x_t + U h_{t-1} + b
    i_t = sigmoid(i + p_i * c_{t-1})                        input
    f_t = sigmoid(f + p_f * c_{t-1})                        forget
    c_t = f_t * c_{t-1} + i_t * tanh(g)
    o_t = sigmoid(o + p_o * c_t)                            output, sees the new cell state
    h_t = o_t * tanh(c_t)

Source: Gers & Schmidhuber 2000; in this form the baseline of Greff et al. 2017.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl

from ._common import citations
from ._common.gates import set_gate_bias
from ._common.lstm_variant import GREFF, LSTMVariant
from ._common.options import Bias

CITATIONS = (
    Citation(
        "Gers & Schmidhuber 2000",
        "Recurrent nets that time and count",
        "IJCNN",
        "https://doi.org/10.1109/IJCNN.2000.861302",
    ),
    citations.LSTM,
    citations.FORGET_GATE,
    GREFF,
)


class PeepholeLSTM(LSTMVariant):
    """LSTM whose gates see the cell state (Gers & Schmidhuber 2000).

    Initialisation: W Glorot uniform and U orthogonal per gate, b = 0 but for ``forget_bias``, and
    p = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        forget_bias: initial bias of the forget gate.
    """

    def __init__(self, input_size: int, hidden_size: int, forget_bias: Bias = 1.0) -> None:
        super().__init__(input_size, hidden_size, 4)
        set_gate_bias(self.into, 4, 1, forget_bias)
        self.peephole = nn.Parameter(torch.zeros(3, hidden_size))  # for i, f and o

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map W x_t + b (B, 4H) and (h, c) to h_t and (h_t, c_t), each (B, H)."""
        h, c = state
        gates = projected + F.linear(h, self.recurrent)  # (B, 4H)
        input_, forget, candidate, output = gates.chunk(4, dim=-1)
        see_input, see_forget, see_output = self.peephole.unbind()
        kept = torch.sigmoid(forget + see_forget * c) * c
        c = kept + torch.sigmoid(input_ + see_input * c) * torch.tanh(candidate)
        h = torch.sigmoid(output + see_output * c) * torch.tanh(c)
        return h, (h, c)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``peephole-lstm``."""
    register("peephole-lstm", PeepholeLSTM, citations=CITATIONS, family="gated")
