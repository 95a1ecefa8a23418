"""Mamba, a selective state-space model.

Equations, for layer input x_t (D), E = ``expand`` H channels with N states each, softplus and
products elementwise, W for matrices::

    [u_t ; z_t] = W_in x_t                                  (E), (E)
    v_t = silu(conv(u_{t-3} .. u_t))                        (E), each channel by itself
    [r_t ; B_t ; C_t] = W_x v_t                             (R), (N), (N)
    d_t = softplus(W_d r_t + b_d)                           (E), step size
    a_t = exp(A diag(d_t))                                  (N, E), A = -exp(log_rate)
    h_t = a_t * h_{t-1} + B_t (d_t * v_t)^T                 (N, E)
    y_t = h_t^T C_t + skip * v_t                            (E)
    o_t = W_out (y_t * silu(z_t))                           (H)

The state is h and the last inputs of the convolution. Source: Gu & Dao (2023), section 3 and
algorithm 2, with the discretisation of their implementation: exact for A, Euler's for B.

``negative_eigenvalues`` replaces the decay a, from 0 to 1, by 2 a - 1, from -1 to 1
(Grazzi et al. 2025). Without it no layer can follow a parity over any number of steps.

Deviation: the source divides W_out at the start by the root of the number of layers, as a part of
its residual network; here this is left to the block.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.causal_conv import CausalConv
from ._common.citations import NEGATIVE_EIGENVALUES
from ._common.selective_scan import selective_scan, selective_step
from ._common.step_size import step_size_bias

CITATIONS = (
    Citation(
        "Gu & Dao 2023",
        "Mamba: linear-time sequence modeling with selective state spaces",
        "arXiv:2312.00752",
        "https://arxiv.org/abs/2312.00752",
    ),
    NEGATIVE_EIGENVALUES,
)

State: TypeAlias = tuple[Tensor, Tensor]


class Mamba(Cell):
    """Selective state-space layer with convolution and gate (Gu & Dao 2023).

    Initialisation: matrices uniform in +-1/sqrt(inputs), W_d in +-1/sqrt(R); softplus(b_d)
    log-uniform from 0.001 to 0.1; A = -1, ..., -N in each channel; skip 1. ``log_rate`` and
    ``skip`` have no weight decay.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        expand: channels per unit of H.
        state_size: N, states per channel.
        conv_width: steps that the convolution sees.
        negative_eigenvalues: decays between -1 and 1 in place of 0 and 1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        expand: PositiveInt = 2,
        state_size: PositiveInt = 16,
        conv_width: PositiveInt = 4,
        negative_eigenvalues: bool = False,
    ) -> None:
        super().__init__(input_size, hidden_size)
        channels, rank = expand * hidden_size, math.ceil(hidden_size / 16)
        self.low = -1.0 if negative_eigenvalues else 0.0
        self.sizes = [rank, state_size, state_size]
        self.into = nn.Linear(input_size, 2 * channels, bias=False)  # W_in
        self.conv = CausalConv(channels, conv_width)
        self.select = nn.Linear(channels, sum(self.sizes), bias=False)  # W_x
        self.step_size = nn.Linear(rank, channels)  # W_d, b_d
        nn.init.uniform_(self.step_size.weight, -(rank**-0.5), rank**-0.5)
        self.step_size.bias = nn.Parameter(step_size_bias(channels))
        rates = torch.arange(1, state_size + 1, dtype=torch.get_default_dtype())
        self.log_rate = nn.Parameter(rates.log().unsqueeze(-1).repeat(1, channels))  # (N, E)
        self.skip = nn.Parameter(torch.ones(channels))
        self.out = nn.Linear(channels, hidden_size, bias=False)  # W_out

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to channels and gates (B, T, 2E)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> State:
        """Return zeros: the inputs of the convolution (B, K - 1, E) and h (B, N, E)."""
        zeros = projected.new_zeros(len(projected), *self.log_rate.shape)
        return self.conv.initial_state(projected), zeros

    def _selected(self, v: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Map v (..., E) to d, d * v, A, B and C."""
        low_rank, into, out = torch.split(self.select(v), self.sizes, dim=-1)
        size = F.softplus(self.step_size(low_rank))
        return size, size * v, -self.log_rate.exp(), into, out

    def _read(self, y: Tensor, v: Tensor, gate: Tensor) -> Tensor:
        return self.out((y + self.skip * v) * F.silu(gate))  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one step: (B, 2E) -> (B, H)."""
        window, h = state
        u, gate = projected.chunk(2, dim=-1)
        convolved, window = self.conv.step(u, window)
        v = F.silu(convolved)
        y, h = selective_step(*self._selected(v), h, self.low)
        return self._read(y, v, gate), (window, h)

    def parallel(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map all steps at once: (B, T, 2E) -> (B, T, H)."""
        window, h = state
        u, gate = projected.chunk(2, dim=-1)
        convolved, window = self.conv.parallel(u, window)
        v = F.silu(convolved)
        y, h = selective_scan(*self._selected(v), h, self.low)
        return self._read(y, v, gate), (window, h)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Exempt rates and skip from weight decay, as in the source."""
        return [ParameterGroup(["log_rate", "skip"], weight_decay=0.0)]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``mamba``."""
    register("mamba", Mamba, citations=CITATIONS, family="linear recurrence")
