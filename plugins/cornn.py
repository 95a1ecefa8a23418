"""The coupled oscillatory recurrent network: damped, driven oscillators.

Equations, for layer input x_t (D), positions y_t (H) and velocities z_t (H), with W (H, 2H),
V (H, D) and b (H)::

    z_t = z_{t-1} + dt (tanh(W [y_{t-1} ; z_{t-1}] + V x_t + b) - gamma y_{t-1} - epsilon z_{t-1})
    y_t = y_{t-1} + dt z_t

This is the implicit-explicit Euler method for ``y'' = tanh(.) - gamma y - epsilon y'``, with the
damping taken explicitly, as the authors' code does. The output is y.

Source: Rusch & Mishra 2021. dt, gamma and epsilon are searched for each task: from their search,
4.2e-2, 2.7 and 4.7 for sequential MNIST (the defaults here), 6e-2, 66 and 15 for adding.
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
        "Rusch & Mishra 2021",
        "Coupled oscillatory recurrent neural network (coRNN): an accurate and (gradient) stable "
        "architecture for learning long time dependencies",
        "ICLR",
        "https://arxiv.org/abs/2010.00951",
    ),
)
_Constant: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CoRNN(Cell):
    """Coupled oscillatory recurrent network (Rusch & Mishra 2021).

    Initialisation: W, V and b uniform in +-1/sqrt(D + 2H), as of one linear map of all three.

    Args:
        input_size: D.
        hidden_size: H, also the output width; the state is twice as wide.
        step_size: dt, the time of a step.
        frequency: gamma, the square of the oscillators' angular frequency.
        damping: epsilon.

    Raises:
        ValueError: a step at which the free oscillator, without tanh, is unstable.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        step_size: _Constant = 0.042,
        frequency: _Constant = 2.7,
        damping: _Constant = 4.7,
    ) -> None:
        super().__init__(input_size, hidden_size)
        # the free step has determinant 1 - dt eps and trace 2 - dt eps - dt^2 gamma; it is stable
        # while |determinant| < 1 and |trace| < 1 + determinant
        if step_size * damping >= 2 or step_size**2 * frequency + 2 * step_size * damping >= 4:
            raise ValueError(
                f"step_size={step_size} is too long for frequency={frequency} and "
                f"damping={damping}: the oscillators grow without bound; set a smaller step_size."
            )
        self.step_size = step_size
        self.frequency = frequency
        self.damping = damping
        self.into = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Parameter(torch.empty(hidden_size, 2 * hidden_size))
        bound = (input_size + 2 * hidden_size) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to V x + b (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and z (B, H), zero."""
        zero = projected.new_zeros(projected.shape[0], self.hidden_size)
        return zero, zero

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map V x_t + b (B, H) and (y, z) to y_t and (y_t, z_t), each (B, H)."""
        y, z = state
        drive = torch.tanh(projected + F.linear(torch.cat([y, z], dim=-1), self.recurrent))
        z = z + self.step_size * (drive - self.frequency * y - self.damping * z)
        y = y + self.step_size * z
        return y, (y, z)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``cornn``."""
    register("cornn", CoRNN, citations=CITATIONS, family="continuous time")
