"""The IRNN: a recurrent network of rectified linear units that starts as the identity.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (H, D), U (H, H), b (H)::

    h_t = relu(W x_t + U h_{t-1} + b)

At the start U is the identity times a scale: without input the state, and the gradient through it,
stay as they are. ``rnn[nonlinearity=relu,init=identity]`` is the same network with torch's two
biases and its kernel.

Source: Le, Jaitly & Hinton 2015. Without deviation.
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
        "Le et al. 2015",
        "A simple way to initialize recurrent networks of rectified linear units",
        "arXiv:1504.00941",
        "https://arxiv.org/abs/1504.00941",
    ),
)
_Scale: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_INPUT_DEVIATION = 0.001


class IRNN(Cell):
    """Recurrent network of rectified linear units, identity at the start (Le et al. 2015).

    Initialisation: U = ``init_scale`` times the identity, W normal with standard deviation 0.001,
    b = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        init_scale: the initial diagonal of U. 1: the state is kept; below 1, e.g. the source's
            0.01 for speech: it is forgotten, where long memory does harm.
    """

    def __init__(self, input_size: int, hidden_size: int, init_scale: _Scale = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.into = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Parameter(init_scale * torch.eye(hidden_size))
        nn.init.normal_(self.into.weight, std=_INPUT_DEVIATION)
        nn.init.zeros_(self.into.bias)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map W x_t + b (B, H) and h_{t-1} (B, H) to h_t, which is output and state."""
        h = torch.relu(projected + F.linear(state, self.recurrent))
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``irnn``."""
    register("irnn", IRNN, citations=CITATIONS, family="simple")
