"""mLSTM, an LSTM with a matrix as its memory cell.

Equations, for layer input x_t (D), E = ``expand`` H, in heads of K = E / heads numbers, ``*``
elementwise::

    [u_t ; z_t] = W_up x_t                                  (E), (E)
    c_t = silu(conv(u_{t-3} .. u_t))                        (E), each channel by itself
    q_t, k_t, v_t = W_q c_t, W_k c_t / sqrt(K), W_v u_t     (E), block-diagonal
    i_t = w_i [q_t ; sqrt(K) k_t ; v_t] + b_i               one number for each head
    f_t = w_f [q_t ; sqrt(K) k_t ; v_t] + b_f               one number for each head
    m_t = max(log sigmoid(f_t) + m_{t-1}, i_t)              stabiliser
    f'_t = exp(log sigmoid(f_t) + m_{t-1} - m_t),  i'_t = exp(i_t - m_t)
    C_t = f'_t C_{t-1} + i'_t k_t v_t^T                     (K, K) for each head
    n_t = f'_t n_{t-1} + i'_t k_t                           (K)
    h_t = C_t^T q_t / max(|n_t . q_t|, exp(-m_t))           (K)
    o_t = W_down ((norm(h_t) + skip * c_t) * silu(z_t))     (H)

``norm`` is a layer norm of each head. The state is C and n, side by side as (K, K + 1), m, and the
last inputs of the convolution. With m given, C and n are a linear recurrence with decays f' of at
most 1: all steps at once are computed in chunks (``_common/chunked_decay.py``), and m by a scan of
its own. Source: Beck et al. (2024), equations 19 to 27 and the block with up-projection before the
cell. exp(-m) is limited to exp(80), against an overflow where no step has written yet.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, ParameterGroup, RegisterModel, hookimpl

from ._common.causal_conv import CausalConv
from ._common.chunked_decay import chunked_decay, decayed_step
from ._common.heads import HeadNorm, check_heads
from ._common.max_plus import max_plus_scan
from ._common.xlstm import XLSTM, small_init_

State: TypeAlias = tuple[Tensor, Tensor, Tensor]
_LARGEST_EXPONENT = 80.0


class MLSTM(Cell):
    """LSTM with matrix memory and exponential gates (Beck et al. 2024).

    Initialisation: W_up, W_q, W_k and W_v normal with deviation sqrt(2 / (5 D)), W_down with
    2 / (depth sqrt(D)); w_i and w_f 0, b_i normal with deviation 0.1, b_f from 3 to 6 in equal
    steps over the heads; skip and the weight of the norm 1. The block-diagonal weights are stored
    with three dimensions and decay as matrices.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads.
        expand: E / H.
        block_size: size of the blocks of W_q, W_k and W_v.
        conv_width: steps that the convolution sees.
        depth: number of cores in the network; it scales W_down at the start.

    Raises:
        ValueError: ``num_heads`` or ``block_size`` does not divide E, or ``num_heads`` is E.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        expand: PositiveInt = 2,
        block_size: PositiveInt = 4,
        conv_width: PositiveInt = 4,
        *,
        depth: int,
    ) -> None:
        super().__init__(input_size, hidden_size)
        width = expand * hidden_size
        self.heads = (num_heads, check_heads(width, num_heads, f"{expand} * hidden_size ="))
        if width % block_size:
            raise ValueError(
                f"block_size={block_size} does not divide {expand} * hidden_size = {width}; set "
                f"block_size={math.gcd(width, block_size)} or another hidden_size."
            )
        blocks = (width // block_size, block_size, block_size)
        self.up = nn.Linear(input_size, 2 * width, bias=False)
        self.conv = CausalConv(width, conv_width)
        self.query = nn.Parameter(torch.empty(blocks))
        self.key = nn.Parameter(torch.empty(blocks))
        self.value = nn.Parameter(torch.empty(blocks))
        self.gates = nn.Linear(3 * width, 2 * num_heads)  # input gates, then forget gates
        self.norm = HeadNorm(*self.heads, centred=True)
        self.skip = nn.Parameter(torch.ones(width))
        self.down = nn.Linear(width, hidden_size, bias=False)
        for matrix in (self.up.weight, self.query, self.key, self.value):
            small_init_(matrix, input_size)
        nn.init.normal_(self.down.weight, std=2 / depth / math.sqrt(input_size))
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            self.gates.bias[:num_heads].normal_(std=0.1)
            self.gates.bias[num_heads:] = torch.linspace(3, 6, num_heads)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to u and z (B, T, 2E)."""
        return self.up(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> State:
        """Return zeros: inputs of the convolution (B, 3, E), C and n (B, heads, K, K + 1), m."""
        batch, (heads, width) = len(projected), self.heads
        u, _ = projected.chunk(2, dim=-1)
        memory = projected.new_zeros(batch, heads, width, width + 1)
        return self.conv.initial_state(u), memory, projected.new_zeros(batch, heads)

    def _mapped(self, convolved: Tensor, u: Tensor) -> tuple[Tensor, ...]:
        """Map c and u (..., E) to q, k, [v, 1] by head, input gates and log forget gates."""
        query = _by_blocks(convolved, self.query)
        key = _by_blocks(convolved, self.key)
        value = _by_blocks(u, self.value)
        gates = self.gates(torch.cat([query, key, value], dim=-1))
        into, forget = gates.chunk(2, dim=-1)
        query, key, value = (torch.unflatten(each, -1, self.heads) for each in (query, key, value))
        # a column of ones beside v makes n the last column of the memory
        value = F.pad(value, (0, 1), value=1.0)
        return query, key / math.sqrt(self.heads[1]), value, into, F.logsigmoid(forget)

    def _read(self, found: Tensor, stabiliser: Tensor, convolved: Tensor, gate: Tensor) -> Tensor:
        """Map [C^T q, n . q] (..., heads, K + 1) and m (..., heads) to the output (..., H)."""
        least = (-stabiliser).clamp(max=_LARGEST_EXPONENT).exp().unsqueeze(-1)
        h = found[..., :-1] / torch.maximum(found[..., -1:].abs(), least)
        y = (self.norm(h) + self.skip * convolved) * F.silu(gate)
        return self.down(y)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one step: (B, 2E) -> (B, H)."""
        window, memory, before = state
        u, gate = projected.chunk(2, dim=-1)
        convolved, window = self.conv.step(u, window)
        convolved = F.silu(convolved)
        query, key, value, into, log_forget = self._mapped(convolved, u)
        kept = log_forget + before
        now = torch.maximum(kept, into)
        key = key * (into - now).exp().unsqueeze(-1)
        found, memory = decayed_step(query, key, value, (kept - now).exp(), memory)
        return self._read(found, now, convolved, gate), (window, memory, now)

    def parallel(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map all steps at once: (B, T, 2E) -> (B, T, H)."""
        window, memory, start = state
        u, gate = projected.chunk(2, dim=-1)
        convolved, window = self.conv.parallel(u, window)
        convolved = F.silu(convolved)
        query, key, value, into, log_forget = self._mapped(convolved, u)
        now = max_plus_scan(log_forget, into, start)
        before = torch.cat([start.unsqueeze(1), now[:, :-1]], dim=1)
        key = key * (into - now).exp().unsqueeze(-1)
        found, memory = chunked_decay(query, key, value, log_forget + before - now, memory)
        return self._read(found, now, convolved, gate), (window, memory, now[:, -1])

    def parameter_groups(self) -> list[ParameterGroup]:
        """Exempt the learnable skip and the norm from weight decay."""
        return [ParameterGroup(["skip", "norm.weight"], weight_decay=0.0)]


def _by_blocks(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply x (..., E) by a block-diagonal matrix with blocks (E / n, n, n)."""
    parts = torch.unflatten(x, -1, weight.shape[:2])
    return torch.einsum("...ij,ioj->...io", parts, weight).flatten(-2)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``mlstm``."""
    register("mlstm", MLSTM, citations=(XLSTM,), family="matrix memory")
