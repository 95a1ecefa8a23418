"""The linear recurrent unit (LRU).

Equations, for layer input u_t (H), complex state x_t (N) and output y_t (H), ``*`` elementwise::

    lambda = exp(-exp(nu) + i exp(theta))                          (N)   |lambda| < 1
    x_t = lambda * x_{t-1} + exp(gamma) * (B u_t)                  (N)   B complex (N, H)
    y_t = Re(C x_t) + d * u_t                                      (H)   C complex (H, N)
    o_t = (W v_t + b) * sigmoid(U v_t + c),   v_t = GELU(y_t)      (H)   mixing=glu

Initialisation: lambda is uniform on the ring between the radii init_r_min and init_r_max, with
phases uniform in [0, init_max_phase]. gamma = log sqrt(1 - |lambda|^2), so that the state has the
variance of its drive; gamma is a free parameter, and the identity holds at the start only. B is
normal with variance 1/(2H) of real and imaginary part, C with 1/N, d with 1. Weights of the mixing
are torch's own.

Source: Orvieto et al. 2023. nu, theta, gamma and B are trained with a smaller rate and without
weight decay. The factor of the rate is a setting of each task there; 0.5 is chosen here. The mixing
follows the recurrence in each layer of the source; its normalisation, dropout and skip connection
are those of rnnbench's residual block. Inputs of another width than H first pass a linear map, as
the source's encoder does.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl, linear_recurrence

from ._common.complex_state import from_pairs, into_state, out_of_state, pairs
from ._common.mixing import OutputMixing, encoder

CITATIONS = (
    Citation(
        "Orvieto et al. 2023",
        "Resurrecting recurrent neural networks for long sequences",
        "ICML",
        "https://arxiv.org/abs/2303.06349",
    ),
)
_Radius = Annotated[float, Field(ge=0, le=1)]
_Phase = Annotated[float, Field(gt=0, le=2 * math.pi)]
_SMALLEST = 1e-6
"""Distance of a uniform draw from 0 and 1, whose logarithms are infinite."""


class LRU(Cell):
    """Linear recurrent unit with complex diagonal state (Orvieto et al. 2023).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        state_size: N, complex numbers; ``none``: H.
        init_r_min: smallest radius of the initial ring.
        init_r_max: largest radius. For long sequences the source uses radii of 0.9 to 0.999.
        init_max_phase: largest initial phase, in radians. For long sequences the source uses
            pi / 10 and less.
        mixing: ``glu``: GELU and a gated linear unit, as in the source's layer; ``none``: the
            layer is linear.
        lr_factor: factor on the learning rate of nu, theta, gamma and B.

    Raises:
        ValueError: ``init_r_min`` not below ``init_r_max``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        state_size: PositiveInt | None = None,
        init_r_min: _Radius = 0.0,
        init_r_max: _Radius = 1.0,
        init_max_phase: _Phase = 6.28,
        mixing: Literal["glu", "none"] = "glu",
        lr_factor: PositiveFloat = 0.5,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if init_r_min >= init_r_max:
            raise ValueError(
                f"init_r_min={init_r_min} must be below init_r_max={init_r_max}; lower it."
            )
        self.lr_factor = lr_factor
        self.state_size = states = state_size or hidden_size
        self.encoder = encoder(input_size, hidden_size)
        square, phase = torch.rand(2, states).clamp(_SMALLEST, 1 - _SMALLEST)
        square = init_r_min**2 + square * (init_r_max**2 - init_r_min**2)  # |lambda|^2
        self.nu = nn.Parameter((-0.5 * square.log()).log())
        self.theta = nn.Parameter((init_max_phase * phase).log())
        self.gamma = nn.Parameter(0.5 * torch.log1p(-square))
        self.b = nn.Parameter(torch.randn(states, hidden_size, 2) / math.sqrt(2 * hidden_size))
        self.c = nn.Parameter(torch.randn(hidden_size, states, 2) / math.sqrt(states))
        self.d = nn.Parameter(torch.randn(hidden_size))
        self.mixing = OutputMixing(hidden_size, mixing)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Train the recurrence more slowly and without decay."""
        names = ["nu", "theta", "gamma", "b"]
        return [ParameterGroup(names, learning_rate_factor=self.lr_factor, weight_decay=0.0)]

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to u (B, T, H)."""
        projected: Tensor = self.encoder(x)
        return projected

    def initial_state(self, projected: Tensor) -> Tensor:
        """Return zeros (B, N, 2), real and imaginary parts."""
        return projected.new_zeros(projected.shape[0], self.state_size, 2)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, H) and the state (B, N, 2) to outputs (B, H) and the new state."""
        states = self._decay() * from_pairs(state) + self._drive(projected)
        return self._output(states, projected), pairs(states)

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, T, H) and the state (B, N, 2) to outputs (B, T, H) and the last state."""
        states = linear_recurrence(self._decay(), self._drive(projected), from_pairs(state))
        return self._output(states, projected), pairs(states[:, -1])

    def _decay(self) -> Tensor:
        """Return lambda (N)."""
        return torch.polar(torch.exp(-torch.exp(self.nu)), torch.exp(self.theta))

    def _drive(self, u: Tensor) -> Tensor:
        return into_state(u, from_pairs(self.b) * torch.exp(self.gamma).unsqueeze(-1))

    def _output(self, states: Tensor, u: Tensor) -> Tensor:
        y: Tensor = self.mixing(out_of_state(states, from_pairs(self.c)) + self.d * u)
        return y


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``lru``."""
    register("lru", LRU, citations=CITATIONS, family="linear recurrence")
