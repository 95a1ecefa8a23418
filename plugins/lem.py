"""Long expressive memory: two states with learned time steps.

Equations, for layer input x_t (D), states y_t and z_t (H), with V (4H, D), b (4H), W (3H, H) and
W_y (H, H), blocks d, e, z and y, and ``*`` elementwise::

    d_t = dt sigmoid(W_d y_{t-1} + V_d x_t + b_d)           time step of z
    e_t = dt sigmoid(W_e y_{t-1} + V_e x_t + b_e)           time step of y
    z_t = (1 - d_t) * z_{t-1} + d_t * tanh(W_z y_{t-1} + V_z x_t + b_z)
    y_t = (1 - e_t) * y_{t-1} + e_t * tanh(W_y z_t + V_y x_t + b_y)

The output is y. Of a system of differential equations with many time scales this is the
implicit-explicit Euler method.

Source: Rusch et al. 2022. Without deviation. dt is searched for each task.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

CITATIONS = (
    Citation(
        "Rusch et al. 2022",
        "Long expressive memory for sequence modeling",
        "ICLR",
        "https://arxiv.org/abs/2110.04744",
    ),
)
_TimeStep: TypeAlias = Annotated[float, Field(gt=0, le=2)]


class LEM(Cell):
    """Long expressive memory (Rusch et al. 2022).

    Initialisation: all weights and biases uniform in +-1/sqrt(H).

    Args:
        input_size: D.
        hidden_size: H, also the output width; the state is twice as wide.
        step_size: dt, the longest time step, at most 2. Below 1 the states change more slowly, for
            long sequences.
    """

    def __init__(self, input_size: int, hidden_size: int, step_size: _TimeStep = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.step_size = step_size
        self.into = nn.Linear(input_size, 4 * hidden_size)
        self.recurrent = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.between = nn.Parameter(torch.empty(hidden_size, hidden_size))
        bound = hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to V x + b (B, T, 4H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and z (B, H), zero."""
        zero = projected.new_zeros(projected.shape[0], self.hidden_size)
        return zero, zero

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map V x_t + b (B, 4H) and (y, z) to y_t and (y_t, z_t), each (B, H)."""
        y, z = state
        first, input_y = projected.tensor_split([3 * self.hidden_size], dim=-1)
        d, e, drive = (first + F.linear(y, self.recurrent)).chunk(3, dim=-1)
        step_z = self.step_size * torch.sigmoid(d)
        step_y = self.step_size * torch.sigmoid(e)
        z = (1 - step_z) * z + step_z * torch.tanh(drive)
        y = (1 - step_y) * y + step_y * torch.tanh(input_y + F.linear(z, self.between))
        return y, (y, z)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``lem``."""
    register("lem", LEM, citations=CITATIONS, family="continuous time")
