"""The recurrent block of Griffin, around a real-gated linear recurrent unit (RG-LRU).

Equations, for layer input x_t (D), state h_t (H) and output o_t (H), ``*`` elementwise::

    u_t = conv(W_u x + b_u)_t                        (H)  depthwise, of the last conv_width steps
    r_t = sigmoid(A_r u_t + b_r)                     (H)  recurrence gate
    i_t = sigmoid(A_i u_t + b_i)                     (H)  input gate
    a_t = exp(-8 softplus(L) r_t)                    (H)
    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * u_t)
    o_t = W_o (GELU(W_g x_t + b_g) * h_t) + b_o      (H)

A_r and A_i are block-diagonal with num_heads blocks of H / num_heads units.

Initialisation: L such that exp(-8 softplus(L)) is uniform in [init_a_min, init_a_max]. Weights are
normal with variance 1 over the number of inputs, biases zero; the convolution is uniform in
+-1/sqrt(conv_width).

Source: De et al. 2024. The block stands in a residual branch there, as in rnnbench's residual
block. The slope of the square root, infinite at a = 1, is bounded by 1000 in the backward pass, as
in the authors' code. Deviations: the first step of a sequence is scaled by the square root, as in
the equations of the paper; the authors' code leaves it out there. The width of the recurrence is H
and not 4/3 of the model's. The convolution's weights are torch's own and not smaller.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.autograd import Function

from rnnbench import Cell, Citation, RegisterModel, hookimpl, linear_recurrence

from ._common.causal_conv import CausalConv
from ._common.heads import check_heads

CITATIONS = (
    Citation(
        "De et al. 2024",
        "Griffin: mixing gated linear recurrences with local attention for efficient language "
        "models",
        "arXiv:2402.19427",
        "https://arxiv.org/abs/2402.19427",
    ),
)
_Decay = Annotated[float, Field(gt=0, lt=1)]
_SHARPNESS = 8.0
_STEEPEST = 1000.0

State = tuple[Tensor, Tensor]


class RGLRU(Cell):
    """Recurrent block of Griffin: convolution, gated linear recurrence, gate (De et al. 2024).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: diagonal blocks of the gates' weights; divides H.
        conv_width: steps that the convolution sees, its own included.
        init_a_min: smallest initial decay, at an open recurrence gate.
        init_a_max: largest initial decay.

    Raises:
        ValueError: ``hidden_size`` not a multiple of ``num_heads``; ``init_a_min`` above
            ``init_a_max``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        conv_width: PositiveInt = 4,
        init_a_min: _Decay = 0.9,
        init_a_max: _Decay = 0.999,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if init_a_min > init_a_max:
            raise ValueError(
                f"init_a_min={init_a_min} must not exceed init_a_max={init_a_max}; lower it."
            )
        block = check_heads(hidden_size, num_heads, "hidden_size")
        self.input = nn.Linear(input_size, 2 * hidden_size)  # u, gate of the output
        self.conv = CausalConv(hidden_size, conv_width)
        self.gate_weight = nn.Parameter(
            torch.randn(num_heads, block, 2 * block) / math.sqrt(block)  # r, i
        )
        self.gate_bias = nn.Parameter(torch.zeros(num_heads, 2 * block))
        decay = torch.empty(hidden_size).uniform_(init_a_min, init_a_max)
        self.rate = nn.Parameter(torch.log(torch.expm1(-decay.log() / _SHARPNESS)))
        self.output = nn.Linear(hidden_size, hidden_size)
        for linear in (self.input, self.output):
            nn.init.normal_(linear.weight, std=1 / math.sqrt(linear.in_features))
            nn.init.zeros_(linear.bias)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to the inputs (B, T, 2H) of convolution and output gate."""
        projected: Tensor = self.input(x)
        return projected

    def initial_state(self, projected: Tensor) -> State:
        """Return the last inputs of the convolution (B, conv_width - 1, H) and h (B, H), zero."""
        u = projected[:, : self.hidden_size]
        return self.conv.initial_state(u), torch.zeros_like(u)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map the inputs (B, 2H) and the state to outputs (B, H) and the new state."""
        before, h = state
        u, gate = projected.chunk(2, dim=-1)
        u, before = self.conv.step(u, before)
        decay, drive = self._recurrence(u)
        h = decay * h + drive
        return self._output(h, gate), (before, h)

    def parallel(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map the inputs (B, T, 2H) and the state to outputs (B, T, H) and the last state."""
        before, start = state
        u, gate = projected.chunk(2, dim=-1)
        u, before = self.conv.parallel(u, before)
        h = linear_recurrence(*self._recurrence(u), start)
        return self._output(h, gate), (before, h[:, -1])

    def _recurrence(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return a and sqrt(1 - a^2) * i * u for u (..., H)."""
        heads, block, _ = self.gate_weight.shape
        split = u.reshape(-1, heads, block).transpose(0, 1)
        gates = torch.baddbmm(self.gate_bias.unsqueeze(1), split, self.gate_weight)
        gates = torch.sigmoid(gates).view(heads, *u.shape[:-1], 2 * block).movedim(0, -2)
        recurrence, add = (each.flatten(-2) for each in gates.chunk(2, dim=-1))
        log_decay = -_SHARPNESS * F.softplus(self.rate) * recurrence
        scale: Tensor = _BoundedRoot.apply(-torch.expm1(2 * log_decay))  # type: ignore[no-untyped-call]
        return torch.exp(log_decay), scale * (add * u)

    def _output(self, h: Tensor, gate: Tensor) -> Tensor:
        mapped: Tensor = self.output(F.gelu(gate) * h)
        return mapped


class _BoundedRoot(Function):
    """The square root, with a slope of at most 1000."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.sqrt(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del inputs
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (root,) = ctx.saved_tensors
        slope: Tensor = 1 / (2 * root).clamp(min=1 / _STEEPEST)
        return grads[0] * slope


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``rg-lru``."""
    register("rg-lru", RGLRU, citations=CITATIONS, family="linear recurrence")
