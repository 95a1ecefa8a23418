"""sLSTM, an LSTM with exponential gates and a normaliser.

Equations, for layer input x_t (D) and hidden state h_t (H), R block-diagonal with one block for
each head, ``*`` elementwise::

    s_t = silu(conv(x_{t-3} .. x_t))                        (D), each channel by itself
    z_t = tanh(W_z x_t + R_z h_{t-1} + b_z)                 (H), cell input
    i_t = W_i s_t + R_i h_{t-1} + b_i                       (H), input gate
    f_t = W_f s_t + R_f h_{t-1} + b_f                       (H), forget gate
    o_t = sigmoid(W_o x_t + R_o h_{t-1} + b_o)              (H), output gate
    m_t = max(log sigmoid(f_t) + m_{t-1}, i_t)              stabiliser
    f'_t = exp(log sigmoid(f_t) + m_{t-1} - m_t),  i'_t = exp(i_t - m_t)
    c_t = f'_t * c_{t-1} + i'_t * z_t
    n_t = f'_t * n_{t-1} + i'_t                             normaliser
    h_t = o_t * c_t / n_t
    y_t = norm(h_t)                                         (H), output

``norm`` is a layer norm of each head. The state is h, c, n, m and the last inputs of the
convolution. m starts at -1e15 in place of minus infinity, so that the first step sets n = 1 without
a branch, whatever its gates are; from then on n is at least 1. Source: Beck et al. (2024),
equations 8 to 17 and the block with up-projection after the cell; that up-projection is the MLP of
a residual block.

Deviation: W is dense, as in the equations of the paper. In its block W is block-diagonal like R,
which needs an input width that the number of heads divides.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
import torch.nn.functional as F
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, ParameterGroup, RegisterModel, hookimpl

from ._common.causal_conv import CausalConv
from ._common.heads import HeadNorm, check_heads
from ._common.xlstm import XLSTM, small_init_

State: TypeAlias = tuple[Tensor, ...]
_START = -1e15


class SLSTM(Cell):
    """LSTM with exponential gates, normaliser and recurrence within heads (Beck et al. 2024).

    Initialisation: W normal with deviation sqrt(2 / (5 D)); R 0; b_f of unit j of a head falls from
    5 to -7 as 5 - 12 u^p with u = j / (units - 1) and p = 0.3 + 1.3 layer / (depth - 1), the other
    biases 0; weights of the norm 1.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads, the blocks of R.
        conv_width: steps that input and forget gate see through the convolution; 0: both read x_t,
            without convolution and SiLU.
        depth: number of cores in the network.
        layer: place of this one, from 0; it sets the bias of the forget gate.

    Raises:
        ValueError: ``num_heads`` does not divide ``hidden_size``, or is equal to it.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        conv_width: NonNegativeInt = 4,
        *,
        depth: int,
        layer: int,
    ) -> None:
        super().__init__(input_size, hidden_size)
        width = check_heads(hidden_size, num_heads, "hidden_size")
        self.heads = (num_heads, width)
        self.gates = nn.Linear(input_size, 2 * hidden_size, bias=False)  # W_i, W_f
        self.cells = nn.Linear(input_size, 2 * hidden_size, bias=False)  # W_z, W_o
        self.conv = CausalConv(input_size, conv_width) if conv_width else None
        # for each head: inputs, then i, f, z, o of each unit
        self.recurrent = nn.Parameter(torch.zeros(num_heads, width, 4 * width))
        self.bias = nn.Parameter(torch.zeros(4, hidden_size))  # i, f, z, o
        self.norm = HeadNorm(*self.heads, centred=True)
        small_init_(self.gates.weight, input_size)
        small_init_(self.cells.weight, input_size)
        power = 0.3 + 1.3 * layer / max(1, depth - 1)
        units = torch.arange(width) / max(1, width - 1)
        with torch.no_grad():
            self.bias[1] = (5 - 12 * units**power).repeat(num_heads)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to cell input and output gate (B, T, 2H), and x or both other gates."""
        return torch.cat([self.cells(x), self.gates(x) if self.conv is None else x], dim=-1)

    def initial_state(self, projected: Tensor) -> State:
        """Return h, c, n and m (B, H), and the inputs of the convolution (B, K - 1, D)."""
        zeros = projected.new_zeros(len(projected), self.hidden_size)
        state = (zeros, zeros, zeros, zeros + _START)
        if self.conv is None:
            return state
        return *state, self.conv.initial_state(projected[:, 2 * self.hidden_size :])

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one step: (B, P) -> (B, H)."""
        h, c, n, m, *windows = state
        cells, gates = projected.tensor_split([2 * self.hidden_size], dim=-1)
        if self.conv is not None:
            convolved, window = self.conv.step(gates, windows[0])
            gates = self.gates(F.silu(convolved))
            windows = [window]
        by_head = torch.unflatten(h, -1, self.heads).transpose(0, 1)  # (heads, B, width)
        mixed = torch.bmm(by_head, self.recurrent)  # (heads, B, 4 width)
        mixed = (
            torch.unflatten(mixed, -1, (4, self.heads[1])).permute(1, 2, 0, 3).flatten(-2)
        )  # (B, 4, H)
        direct = torch.unflatten(torch.cat([gates, cells], dim=-1), -1, (4, self.hidden_size))
        into, forget, candidate, out = (direct + mixed + self.bias).unbind(1)
        kept = F.logsigmoid(forget) + m
        m = torch.maximum(kept, into)
        old, new = (kept - m).exp(), (into - m).exp()
        c = old * c + new * torch.tanh(candidate)
        n = old * n + new
        h = torch.sigmoid(out) * c / n
        return self.norm(torch.unflatten(h, -1, self.heads)), (h, c, n, m, *windows)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Exempt the biases from weight decay: stored together, they look like a matrix."""
        return [ParameterGroup(["bias"], weight_decay=0.0)]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``slstm``."""
    register("slstm", SLSTM, citations=(XLSTM,), family="gated")
