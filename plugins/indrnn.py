"""The independently recurrent network: each unit reads its own past only.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (H, D), u (H), b (H) and ``*``
elementwise::

    h_t = relu(W x_t + u * h_{t-1} + b)

The gradient of a unit over T steps is its u^T while it is active. u is therefore kept where the
magnitude after T steps is at most gamma: ``|u| <= gamma^(1/T)``, after each optimizer step.

Source: Li et al. 2018. Deviations: units are mixed by further layers or by the residual block, not
by batch normalisation between layers; the source trains with a learning rate of 2e-4.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.gates import input_weights

CITATIONS = (
    Citation(
        "Li et al. 2018",
        "Independently recurrent neural network (IndRNN): building a longer and deeper RNN",
        "CVPR",
        "https://arxiv.org/abs/1803.04831",
    ),
)
_Gain: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_LEAST_KEPT = 0.5


class IndRNN(Cell):
    """Independently recurrent network, with bounded recurrent weights (Li et al. 2018).

    Initialisation: u as ``init`` says, W Glorot uniform, b = 0. That u has no weight decay is
    chosen here.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        horizon: T, the number of steps over which a unit may grow by ``max_gain`` at most. The
            default bounds ``|u|`` at 1.0007; the source takes the length of its sequences.
        max_gain: gamma; 2 as in the source. Below 1 every unit forgets.
        init: ``uniform``: u in [0, gamma^(1/T)], all time scales; ``memory``: u in
            [0.5^(1/T), gamma^(1/T)], units that keep at least half of the state over the
            horizon (in the authors' code for the last layer).

    Raises:
        ValueError: ``init=memory`` with ``max_gain`` below 0.5, which leaves no range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        horizon: PositiveInt = 1000,
        max_gain: _Gain = 2.0,
        init: Literal["uniform", "memory"] = "uniform",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if init == "memory" and max_gain < _LEAST_KEPT:
            raise ValueError(
                f"init=memory needs max_gain={max_gain} to be at least {_LEAST_KEPT}; "
                "raise it or set init=uniform."
            )
        self.bound = max_gain ** (1 / horizon)
        least = 0.0 if init == "uniform" else _LEAST_KEPT ** (1 / horizon)
        self.into = input_weights(1, input_size, hidden_size)
        self.recurrent = nn.Parameter(torch.empty(hidden_size).uniform_(least, self.bound))

    def parameter_groups(self) -> list[ParameterGroup]:
        """Exempt u from weight decay, which would shorten the memory."""
        return [ParameterGroup(["recurrent"], weight_decay=0.0)]

    def after_step(self) -> None:
        """Clamp u to [-gamma^(1/T), gamma^(1/T)]."""
        self.recurrent.clamp_(-self.bound, self.bound)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map W x_t + b (B, H) and h_{t-1} (B, H) to h_t, which is output and state."""
        h = torch.relu(projected + self.recurrent * state)
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``indrnn``."""
    register("indrnn", IndRNN, citations=CITATIONS, family="simple")
