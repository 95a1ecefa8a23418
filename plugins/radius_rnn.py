"""The vanilla recurrent network whose recurrent matrix starts with a given spectral radius.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (H, D), U (H, H) and b (H)::

    h_t = phi(W x_t + U h_{t-1} + b)         phi = tanh, relu or the identity

At the start U = radius * Q with an orthogonal Q, or a Gaussian matrix divided by its own spectral
radius and multiplied by ``radius``. The Jacobian of k steps is a product of k factors diag(phi') U.
For the identity it is U^k: with U = radius * Q every singular value is radius^k, while a Gaussian
matrix, which is not normal, follows radius^k only for large k. tanh has phi' <= 1, so that a radius
above 1 is necessary but not sufficient for a gradient that grows.

Source: Elman 1990; the part of the spectral radius in Pascanu, Mikolov & Bengio 2013. Deviation:
one bias. U is not constrained: training moves its radius.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.gates import input_weights

CITATIONS = (
    Citation(
        "Elman 1990",
        "Finding structure in time",
        "Cognitive Science 14(2)",
        "https://doi.org/10.1207/s15516709cog1402_1",
    ),
    Citation(
        "Pascanu et al. 2013",
        "On the difficulty of training recurrent neural networks",
        "ICML",
        "https://arxiv.org/abs/1211.5063",
    ),
)
_Radius: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_MOST_GAUSSIAN_UNITS = 2048


class RadiusRNN(Cell):
    """Vanilla recurrent network with a given initial spectral radius (Pascanu et al. 2013).

    Initialisation: U as below, W Glorot uniform, b = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        init_radius: largest modulus of the eigenvalues of U at the start.
        init: ``orthogonal``: U is a multiple of an orthogonal matrix, so that all its eigenvalues
            have that modulus; ``gaussian``: U has independent normal entries, scaled.
        nonlinearity: ``tanh``; ``relu`` or ``linear`` (the identity), whose state is unbounded.

    Raises:
        ValueError: ``init=gaussian`` with H above 2,048, since its eigenvalues take H^3 operations.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        init_radius: _Radius = 1.0,
        init: Literal["orthogonal", "gaussian"] = "orthogonal",
        nonlinearity: Literal["tanh", "relu", "linear"] = "tanh",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if init == "gaussian" and hidden_size > _MOST_GAUSSIAN_UNITS:
            raise ValueError(
                f"init=gaussian takes at most {_MOST_GAUSSIAN_UNITS:,} units, and hidden_size is "
                f"{hidden_size:,}; set init=orthogonal or fewer units."
            )
        self.nonlinearity = nonlinearity
        self.into = input_weights(1, input_size, hidden_size)
        self.recurrent = nn.Parameter(init_radius * _of_radius_one(hidden_size, init))

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map W x_t + b (B, H) and h_{t-1} (B, H) to h_t, which is output and state."""
        h = projected + F.linear(state, self.recurrent)
        if self.nonlinearity == "tanh":
            h = torch.tanh(h)
        elif self.nonlinearity == "relu":
            h = torch.relu(h)
        return h, h


def _of_radius_one(size: int, init: str) -> Tensor:
    """Return a random matrix (H, H) with spectral radius 1."""
    matrix = torch.empty(size, size)
    if init == "orthogonal":
        nn.init.orthogonal_(matrix)
        return matrix
    nn.init.normal_(matrix)
    radius = torch.linalg.eigvals(matrix.double()).abs().max()
    scaled: Tensor = (matrix / radius).to(matrix.dtype)
    return scaled


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``radius-rnn``."""
    register("radius-rnn", RadiusRNN, citations=CITATIONS, family="simple")
