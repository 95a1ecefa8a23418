"""The antisymmetric recurrent network: a stable differential equation, by the Euler method.

Equations, for layer input x_t (D) and hidden state h_t (H), with a skew-symmetric matrix A (H, H),
A = -A^T, held as its H (H - 1) / 2 entries above the diagonal, and ``*`` elementwise::

    M   = A - gamma I
    n_t = tanh(M h_{t-1} + W_n x_t + b_n)
    h_t = h_{t-1} + epsilon n_t                             gated=False
    z_t = sigmoid(M h_{t-1} + W_z x_t + b_z)
    h_t = h_{t-1} + epsilon z_t * n_t                       gated=True

The eigenvalues of A are imaginary: the equation neither damps nor amplifies. The diffusion gamma
makes the Euler method stable. Gate and candidate share M.

Source: Chang et al. 2019, who write A as W - W^T with a strictly triangular W. They search epsilon
and gamma for each task; so should you.
"""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.gates import input_weights
from ._common.skew import entries_of, skew_symmetric

CITATIONS = (
    Citation(
        "Chang et al. 2019",
        "AntisymmetricRNN: a dynamical system view on recurrent neural networks",
        "ICLR",
        "https://arxiv.org/abs/1902.09689",
    ),
)
_Step: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Diffusion: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class AntisymmetricRNN(Cell):
    """Antisymmetric recurrent network, with or without gate (Chang et al. 2019).

    Initialisation: entries of A normal with variance 1 / H, W Glorot uniform, b = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        gated: whether a gate scales each change.
        step_size: epsilon. The default moves a unit by at most 0.1 at a step; longer sequences
            want less.
        diffusion: gamma, at least 0.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        gated: bool = False,
        step_size: _Step = 0.1,
        diffusion: _Diffusion = 0.01,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.gated = gated
        self.step_size = step_size
        self.diffusion = diffusion
        self.into = input_weights(2 if gated else 1, input_size, hidden_size)
        entries = torch.empty(entries_of(hidden_size))
        self.skew = nn.Parameter(entries.normal_(std=1 / math.sqrt(hidden_size)))

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b, blocks n and z: (B, T, 2H), or (B, T, H) without gate."""
        return self.into(x)  # type: ignore[no-any-return]

    def weights(self) -> dict[str, Tensor]:
        """Return M (H, H)."""
        one = torch.eye(self.hidden_size, dtype=self.skew.dtype, device=self.skew.device)
        return {"recurrent": skew_symmetric(self.skew, self.hidden_size) - self.diffusion * one}

    def step(
        self, projected: Tensor, state: Tensor, recurrent: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Map W x_t + b and h_{t-1} (B, H) to h_t (B, H), which is output and state."""
        if recurrent is None:
            recurrent = self.weights()["recurrent"]
        product = F.linear(state, recurrent)
        if self.gated:
            input_n, input_z = projected.chunk(2, dim=-1)
            change = torch.sigmoid(product + input_z) * torch.tanh(product + input_n)
        else:
            change = torch.tanh(product + projected)
        h = state + self.step_size * change
        return h, h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``antisymmetric-rnn``."""
    register("antisymmetric-rnn", AntisymmetricRNN, citations=CITATIONS, family="continuous time")
