"""The LSTM with layer normalisation of both matrix products and of the cell state.

Equations, for layer input x_t (D), hidden state h_t (H) and cell state c_t (H), with W (4H, D),
U (4H, H), b (4H) in blocks i, f, g and o, gains a_x and a_h (4H), a_c (H), and ``*`` elementwise::

    i, f, g, o = a_x * norm(W x_t) + a_h * norm(U h_{t-1}) + b
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
    h_t = sigmoid(o) * tanh(a_c * norm(c_t) + b_c)

``norm`` subtracts the mean and divides by the standard deviation, over all 4H values of the four
gates together, and over the H values of the cell.

Source: Ba et al. 2016. Deviation: the shifts of both norms and the bias are one vector b, since
only their sum matters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl

from ._common import citations
from ._common.gates import set_gate_bias
from ._common.lstm_variant import LSTMVariant
from ._common.options import Bias

CITATIONS = (
    Citation(
        "Ba et al. 2016",
        "Layer normalization",
        "arXiv:1607.06450",
        "https://arxiv.org/abs/1607.06450",
    ),
    citations.LSTM,
    citations.FORGET_GATE,
)
_EPSILON = 1e-5


class LayerNormLSTM(LSTMVariant):
    """LSTM with layer normalisation of both products and of the cell (Ba et al. 2016).

    The variance has 1e-5 added. Initialisation: W Glorot uniform and U orthogonal per gate, b = 0
    but for ``forget_bias``, gains 1, b_c = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        forget_bias: initial bias of the forget gate, added after the normalisation.
    """

    def __init__(self, input_size: int, hidden_size: int, forget_bias: Bias = 1.0) -> None:
        super().__init__(input_size, hidden_size, 4)
        set_gate_bias(self.into, 4, 1, forget_bias)
        self.input_gain = nn.Parameter(torch.ones(4 * hidden_size))
        self.recurrent_gain = nn.Parameter(torch.ones(4 * hidden_size))
        self.cell_norm = nn.LayerNorm(hidden_size, eps=_EPSILON)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to a_x * norm(W x) + b (B, T, 4H)."""
        product = F.linear(x, self.into.weight)
        return F.layer_norm(
            product, product.shape[-1:], self.input_gain, self.into.bias, eps=_EPSILON
        )

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map a_x * norm(W x_t) + b (B, 4H) and (h, c) to h_t and (h_t, c_t), each (B, H)."""
        h, c = state
        product = F.linear(h, self.recurrent)
        gates = projected + F.layer_norm(
            product, product.shape[-1:], self.recurrent_gain, eps=_EPSILON
        )
        input_, forget, candidate, output = gates.chunk(4, dim=-1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(input_) * torch.tanh(candidate)
        h = torch.sigmoid(output) * torch.tanh(self.cell_norm(c))
        return h, (h, c)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``layer-norm-lstm``."""
    register("layer-norm-lstm", LayerNormLSTM, citations=CITATIONS, family="gated")
