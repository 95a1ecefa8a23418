"""The simple recurrent unit (SRU).

Equations, for layer input x_t (D), state c_t (H) and output h_t (H), ``*`` elementwise::

    f_t = sigmoid(W_f x_t + v_f * c_{t-1} + b_f)                  forget
    r_t = sigmoid(W_r x_t + v_r * c_{t-1} + b_r)                  reset
    c_t = f_t * c_{t-1} + (1 - f_t) * (W x_t)
    h_t = r_t * c_t + (1 - r_t) * alpha * x_t                     highway connection

    alpha = sqrt(1 + 2 exp(highway_bias))

No product with a matrix depends on the state: the gates read it unit by unit. They make the
recurrence nonlinear, so that it is not computed for all steps at once. Where D is not H the highway
connection carries W_x x_t, as in the authors' code.

Initialisation: weights uniform in +-sqrt(3 / D), v_f and v_r in +-sqrt(3 / H), b_f = forget_bias,
b_r = highway_bias. alpha keeps the variance of the outputs near that of the inputs at the start.
The range of v_f and v_r is chosen here. The authors' code has +-sqrt(3 / 2), at any H, and divides
W_f and W_r by sqrt(2).

Source: Lei et al. 2018. Its dropout with one mask for all steps is left out.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.options import Bias

CITATIONS = (
    Citation(
        "Lei et al. 2018",
        "Simple recurrent units for highly parallelizable recurrence",
        "EMNLP",
        "https://arxiv.org/abs/1709.02755",
    ),
)
_HighwayBias = Annotated[float, Field(le=50, allow_inf_nan=False)]


class SRU(Cell):
    """Recurrent unit whose gates read the state unit by unit (Lei et al. 2018).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        forget_bias: initial bias of the forget gate.
        highway_bias: initial bias of the reset gate. Below 0 the output is mostly the input of the
            layer, as in the source's deep networks. At most 50: alpha grows with exp(bias / 2).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: Bias = 0.0,
        highway_bias: _HighwayBias = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.scale = math.sqrt(1 + 2 * math.exp(highway_bias))
        maps = 3 if input_size == hidden_size else 4  # f, r, c, highway
        bound = math.sqrt(3 / input_size)
        self.weight = nn.Parameter(
            torch.empty(maps * hidden_size, input_size).uniform_(-bound, bound)
        )
        bound = math.sqrt(3 / hidden_size)
        self.state_weight = nn.Parameter(torch.empty(2 * hidden_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        with torch.no_grad():
            self.bias[:hidden_size] = forget_bias
            self.bias[hidden_size:] = highway_bias

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to (B, T, 4H): arguments of the gates, W x and the highway."""
        maps = nn.functional.linear(x, self.weight)
        gates = maps[..., : 2 * self.hidden_size] + self.bias
        drive = maps[..., 2 * self.hidden_size : 3 * self.hidden_size]
        carried = maps[..., 3 * self.hidden_size :] if self.input_size != self.hidden_size else x
        return torch.cat([gates, drive, self.scale * carried], dim=-1)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the projected input (B, 4H) and c (B, H) to h (B, H) and the new c."""
        forget, reset, drive, carried = projected.chunk(4, dim=-1)
        forget_weight, reset_weight = self.state_weight.chunk(2)
        forget = torch.sigmoid(forget + forget_weight * state)
        reset = torch.sigmoid(reset + reset_weight * state)
        c = drive + forget * (state - drive)
        return carried + reset * (c - carried), c


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``sru``."""
    register("sru", SRU, citations=CITATIONS, family="gated")
