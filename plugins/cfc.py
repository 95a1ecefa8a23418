"""The closed-form continuous-time network.

Equations, for input x_t (D), state h (H) and the time span Delta between two inputs::

    z = phi(W_l ... phi(W_1 [x_t ; h_{t-1}] + b_1) ... + b_l)       backbone (U), phi = lecun tanh
    f = W_f z + b_f       g = tanh(W_g z + b_g)       k = tanh(W_k z + b_k)          heads (H)

    mode default:  h_t = sigmoid(-f Delta) * g + (1 - sigmoid(-f Delta)) * k
    mode no-gate:  h_t = sigmoid(-f Delta) * g + k
    mode pure:     h_t = A - A * exp(-(|w| + |f|) Delta) * f           w, A (H)

    phi(u) = 1.7159 tanh(2 u / 3)

Source: Hasani et al. (2022), where ``k`` is called h. In ``pure``, the solution of the ODE of an
LTC (``ltc.py``), w = 1 / tau is learned; its form with absolute values, and its constant A in place
of the initial state, is that of the authors' package ncps. There, the gate is ``sigmoid(f_1 Delta +
f_2)`` with two heads. At a constant span both are one linear map of z, so that the second head is
redundant; here there is one, as in the paper.

Time spans are constant, since rnnbench's steps are regular. ncps has 128 units in the backbone
whatever H is. Sizes of models then differ by the backbone and not by H; here U is 2H by default,
which is 128 at H = 64.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

CITATIONS = (
    Citation(
        "Hasani et al. 2022",
        "Closed-form continuous-time neural networks",
        "Nature Machine Intelligence 4",
        "https://arxiv.org/abs/2106.13898",
    ),
)


class CfC(Cell):
    """Closed-form continuous-time cell with a shared backbone (Hasani et al. 2022).

    Matrices are Glorot uniform, of each head by itself, and biases zero; w = 0 and A = 1.

    Args:
        input_size: D.
        hidden_size: H.
        mode: ``default``: gated; ``no-gate``: without the factor of the second head; ``pure``: the
            closed form of the ODE's solution itself.
        backbone_units: U; ``none``: 2H.
        backbone_layers: layers of the backbone; 0: the heads read input and state.
        time_step: Delta.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        mode: Literal["default", "no-gate", "pure"] = "default",
        backbone_units: PositiveInt | None = None,
        backbone_layers: NonNegativeInt = 1,
        time_step: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.mode = mode
        self.time_step = time_step
        units = 2 * hidden_size if backbone_units is None else backbone_units
        heads = [hidden_size] * (1 if mode == "pure" else 3)
        widths = [[units]] * backbone_layers + [heads]
        first, *further = widths
        self.input_weight = nn.Parameter(torch.empty(sum(first), input_size))
        self.state_weight = nn.Parameter(torch.empty(sum(first), hidden_size))
        self.first_bias = nn.Parameter(torch.zeros(sum(first)))
        self.further = nn.ModuleList(nn.Linear(units, sum(each)) for each in further)
        if mode == "pure":
            self.rate = nn.Parameter(torch.zeros(hidden_size))  # w
            self.rest = nn.Parameter(torch.ones(hidden_size))  # A
        self._initialize(widths)

    @torch.no_grad()
    def _initialize(self, widths: list[list[int]]) -> None:
        first, *further = widths
        joint = torch.empty(sum(first), self.input_size + self.hidden_size)
        for block in torch.split(joint, first):
            nn.init.xavier_uniform_(block)
        self.input_weight.copy_(joint[:, : self.input_size])
        self.state_weight.copy_(joint[:, self.input_size :])
        for linear, blocks in zip(self.further, further, strict=True):
            for block in torch.split(linear.weight, blocks):  # type: ignore[arg-type]
                nn.init.xavier_uniform_(block)
            nn.init.zeros_(linear.bias)  # type: ignore[arg-type]

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to its part of the first layer: (B, T, U), or the heads' widths."""
        return F.linear(x, self.input_weight, self.first_bias)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the drive (B, P) and h (B, H) to the new h, which is the output too."""
        heads = projected + F.linear(state, self.state_weight)
        for linear in self.further:
            heads = linear(1.7159 * torch.tanh(heads * (2 / 3)))
        if self.mode == "pure":
            decay = torch.exp(-self.time_step * (self.rate.abs() + heads.abs()))
            h = self.rest - self.rest * decay * heads
            return h, h
        f, g, k = heads.chunk(3, dim=-1)  # 3 x (B, H)
        gate, kept = torch.sigmoid(-self.time_step * f), torch.tanh(k)
        if self.mode == "default":
            kept = (1 - gate) * kept
        h = gate * torch.tanh(g) + kept
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``cfc``."""
    register("cfc", CfC, citations=CITATIONS, family="continuous time")
