"""Mamba-2, a selective state-space model with one decay per head.

Equations, for layer input x_t (D), E = ``expand`` H channels in heads of P, N rows of state per
head; B and C are the same for all heads::

    [z_t ; w_t ; e_t] = W_in x_t                            (E), (E + 2N), (heads)
    [v_t ; B_t ; C_t] = silu(conv(w_{t-3} .. w_t))          (E), (N), (N)
    d_t = softplus(e_t + b_d)                               step size of each head
    S_t = exp(-d_t exp(log_rate)) S_{t-1} + B_t (d_t v_t)^T (N, P) for each head
    y_t = S_t^T C_t + skip v_t                              (P) for each head
    o_t = W_out norm(y_t * silu(z_t))                       (H)

``norm`` divides by the root mean square of all E channels and multiplies by a weight. The state is
S and the last inputs of the convolution. All steps at once are computed in chunks, see
``_common/chunked_decay.py``. Source: Dao & Gu (2024), sections 6 and 7, without groups of B and C.

Deviations: the heads are a number (``num_heads``) in place of a width of 64, which small layers do
not have; ``state_size`` is 64 (the source has 64 to 256). The division of W_out by the root of the
number of layers is left to the block.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.causal_conv import CausalConv
from ._common.chunked_decay import chunked_decay, decayed_step
from ._common.heads import check_heads
from ._common.step_size import step_size_bias

CITATIONS = (
    Citation(
        "Dao & Gu 2024",
        "Transformers are SSMs: generalized models and efficient algorithms through structured "
        "state space duality",
        "ICML",
        "https://arxiv.org/abs/2405.21060",
    ),
)

State: TypeAlias = tuple[Tensor, Tensor]


class Mamba2(Cell):
    """Selective state-space layer with one decay per head (Dao & Gu 2024).

    Initialisation: matrices uniform in +-1/sqrt(inputs); softplus(b_d) log-uniform from 0.001 to
    0.1; exp(log_rate) uniform from 1 to 16; skip and the weight of the norm 1. ``log_rate``,
    ``skip`` and b_d have no weight decay.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads, each with a decay of its own.
        expand: channels per unit of H.
        state_size: N, rows of the state of each head.
        conv_width: steps that the convolution sees.

    Raises:
        ValueError: ``num_heads`` does not divide the number of channels.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        expand: PositiveInt = 2,
        state_size: PositiveInt = 64,
        conv_width: PositiveInt = 4,
    ) -> None:
        super().__init__(input_size, hidden_size)
        channels = expand * hidden_size
        self.heads = (num_heads, check_heads(channels, num_heads, "the number of channels"))
        self.sizes = [channels, state_size, state_size]
        convolved = sum(self.sizes)
        self.split = [channels, convolved, num_heads]
        self.into = nn.Linear(input_size, sum(self.split), bias=False)  # W_in
        self.conv = CausalConv(convolved, conv_width)
        self.step_bias = nn.Parameter(step_size_bias(num_heads))  # b_d
        self.log_rate = nn.Parameter(torch.empty(num_heads).uniform_(1, 16).log())
        self.skip = nn.Parameter(torch.ones(num_heads))
        self.norm = nn.Parameter(torch.ones(channels))
        self.out = nn.Linear(channels, hidden_size, bias=False)  # W_out

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to gates, inputs of the convolution and step sizes (B, T, P)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> State:
        """Return zeros: the inputs of the convolution (B, K - 1, E + 2N) and S (B, heads, N, P)."""
        heads, width = self.heads
        _, inputs, _ = torch.split(projected, self.split, dim=-1)
        zeros = projected.new_zeros(len(projected), heads, self.sizes[1], width)
        return self.conv.initial_state(inputs), zeros

    def _selected(self, convolved: Tensor, size: Tensor) -> tuple[Tensor, ...]:
        """Map (..., E + 2N) and (..., heads) to v, C, B, d v and the logarithm of the decay."""
        v, into, out = torch.split(F.silu(convolved), self.sizes, dim=-1)
        v = torch.unflatten(v, -1, self.heads)
        size = F.softplus(size + self.step_bias)
        written = size.unsqueeze(-1) * v
        return v, out.unsqueeze(-2), into.unsqueeze(-2), written, -size * self.log_rate.exp()

    def _read(self, y: Tensor, v: Tensor, gate: Tensor) -> Tensor:
        y = (y + self.skip.unsqueeze(-1) * v).flatten(-2) * F.silu(gate)
        return self.out(F.rms_norm(y, self.norm.shape, self.norm, 1e-5))  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one step: (B, P) -> (B, H)."""
        window, memory = state
        gate, inputs, size = torch.split(projected, self.split, dim=-1)
        convolved, window = self.conv.step(inputs, window)
        v, query, key, written, log_decay = self._selected(convolved, size)
        y, memory = decayed_step(query, key, written, log_decay.exp(), memory)
        return self._read(y, v, gate), (window, memory)

    def parallel(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map all steps at once: (B, T, P) -> (B, T, H)."""
        window, memory = state
        gate, inputs, size = torch.split(projected, self.split, dim=-1)
        convolved, window = self.conv.parallel(inputs, window)
        v, query, key, written, log_decay = self._selected(convolved, size)
        y, memory = chunked_decay(query, key, written, log_decay, memory)
        return self._read(y, v, gate), (window, memory)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Exempt rates, skip and the bias of the step sizes from weight decay, as in the source."""
        return [ParameterGroup(["log_rate", "skip", "step_bias"], weight_decay=0.0)]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``mamba2``."""
    register("mamba2", Mamba2, citations=CITATIONS, family="matrix memory")
