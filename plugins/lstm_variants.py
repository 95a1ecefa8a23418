"""Variants of the LSTM: peephole, coupled gates, no forget gate, layer normalisation.

Equations, for layer input x_t (D), hidden state h_t (H) and cell state c_t (H), with W (GH, D),
U (GH, H), b (GH) in G blocks, ``*`` elementwise, and the gates before their sigmoid::

    i, f, g, o = W x_t + U h_{t-1} + b
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)       forget, input, candidate
    h_t = sigmoid(o) * tanh(c_t)                            output

What each variant changes, with p (H) and gains a (4H or H)::

    peephole-lstm      i + p_i * c_{t-1},  f + p_f * c_{t-1},  o + p_o * c_t
    coupled-lstm       sigmoid(i) is 1 - sigmoid(f); no block i (CIFG)
    no-forget-lstm     sigmoid(f) is 1; no block f (NFG)
    layer-norm-lstm    i, f, g, o = a_x * norm(W x_t) + a_h * norm(U h_{t-1}) + b
                       h_t = sigmoid(o) * tanh(a_c * norm(c_t) + b_c)

``norm`` subtracts the mean and divides by the standard deviation, over all 4H values of the four
gates together and over the H values of the cell.

Sources: peepholes Gers & Schmidhuber 2000; coupled gates and the names NFG and CIFG Greff et al.
2017; no forget gate Hochreiter & Schmidhuber 1997; layer normalisation Ba et al. 2016. Deviations:
each variant changes the LSTM without peepholes, where the baseline of Greff et al. has them.
Without forget gate, the squashing functions are tanh in place of scaled logistic functions with the
ranges [-2, 2] and [-1, 1]. With layer normalisation, the shifts of both norms and the bias are one
vector b, since only their sum matters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common import citations
from ._common.gates import input_weights, recurrent_weights, set_gate_bias
from ._common.options import Bias

GREFF = Citation(
    "Greff et al. 2017",
    "LSTM: a search space odyssey",
    "IEEE Transactions on Neural Networks and Learning Systems 28(10)",
    "https://arxiv.org/abs/1503.04069",
)
PEEPHOLES = Citation(
    "Gers & Schmidhuber 2000",
    "Recurrent nets that time and count",
    "IJCNN",
    "https://doi.org/10.1109/IJCNN.2000.861302",
)
LAYER_NORM = Citation(
    "Ba et al. 2016",
    "Layer normalization",
    "arXiv:1607.06450",
    "https://arxiv.org/abs/1607.06450",
)
_EPSILON = 1e-5


class _GatedCell(Cell):
    """What the variants share: G gate blocks, and the state (h, c)."""

    def __init__(self, input_size: int, hidden_size: int, gates: int) -> None:
        super().__init__(input_size, hidden_size)
        self.into = input_weights(gates, input_size, hidden_size)
        self.recurrent = recurrent_weights(gates, hidden_size)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, GH)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return h and c (B, H), zero."""
        zero = projected.new_zeros(projected.shape[0], self.hidden_size)
        return zero, zero


class PeepholeLSTM(_GatedCell):
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


class CoupledLSTM(_GatedCell):
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


class NoForgetLSTM(_GatedCell):
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


class LayerNormLSTM(_GatedCell):
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
    """Register ``peephole-lstm``, ``coupled-lstm``, ``no-forget-lstm`` and ``layer-norm-lstm``."""
    forgetting = (citations.LSTM, citations.FORGET_GATE)
    register(
        "peephole-lstm",
        PeepholeLSTM,
        citations=(PEEPHOLES, *forgetting, GREFF),
        family="gated",
    )
    register("coupled-lstm", CoupledLSTM, citations=(GREFF, *forgetting), family="gated")
    register("no-forget-lstm", NoForgetLSTM, citations=(citations.LSTM, GREFF), family="gated")
    register("layer-norm-lstm", LayerNormLSTM, citations=(LAYER_NORM, *forgetting), family="gated")
