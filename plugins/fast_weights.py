"""The recurrent network with fast weights: an associative memory of its recent states.

Equations, for layer input x_t (D), hidden state h_t (H) and fast weights A_t (H, H), with C (H, D),
W (H, H) and b (H)::

    A_t   = decay A_{t-1} + rate h_{t-1} h_{t-1}^T
    p_t   = C x_t + W h_{t-1} + b                           sustained through the inner loop
    h^0   = relu(p_t)
    h^s+1 = relu(norm(p_t + A_t h^s))                       s = 0 to S - 1
    h_t   = h^S

``norm`` is layer normalisation with gain and shift, which keeps the product with A_t in bounds.
The state is h and A.

Source: Ba et al. 2016; there A(t) is the matrix that holds h(t) and is read at
the next step, here A_t is the matrix that step t reads. Without deviation otherwise; the source
notes that the product with A can be computed from the past states instead, without A.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.gates import input_weights

CITATIONS = (
    Citation(
        "Ba et al. 2016",
        "Using fast weights to attend to the recent past",
        "NeurIPS",
        "https://arxiv.org/abs/1610.06258",
    ),
)
_Decay: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
_Rate: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Scale: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class FastWeights(Cell):
    """Recurrent network with fast weights as associative memory (Ba et al. 2016).

    Initialisation: C Glorot uniform, W = ``init_scale`` times the identity, b = 0, gain 1, shift 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width; the state has H^2 numbers more.
        inner_steps: S, how often the state is settled at a step.
        decay: factor of the fast weights at a step, below 1.
        rate: of the outer product that is added to the fast weights.
        init_scale: the initial diagonal of W; small, so that the fast weights carry the memory.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        inner_steps: PositiveInt = 1,
        decay: _Decay = 0.95,
        rate: _Rate = 0.5,
        init_scale: _Scale = 0.05,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.inner_steps = inner_steps
        self.decay = decay
        self.rate = rate
        self.into = input_weights(1, input_size, hidden_size)
        self.recurrent = nn.Parameter(init_scale * torch.eye(hidden_size))
        self.norm = nn.LayerNorm(hidden_size)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to C x + b (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return h (B, H) and A (B, H, H), zero."""
        batch, width = projected.shape[0], self.hidden_size
        return projected.new_zeros(batch, width), projected.new_zeros(batch, width, width)

    def step(
        self, projected: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map C x_t + b (B, H) and (h, A) to h_t (B, H) and the new state."""
        h, fast = state
        fast = torch.addcmul(self.decay * fast, (self.rate * h).unsqueeze(2), h.unsqueeze(1))
        sustained = projected + F.linear(h, self.recurrent)
        h = torch.relu(sustained)
        for _ in range(self.inner_steps):
            read = torch.matmul(fast, h.unsqueeze(2)).squeeze(2)
            h = torch.relu(self.norm(sustained + read))
        return h, (h, fast)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``fast-weights``."""
    register("fast-weights", FastWeights, citations=CITATIONS, family="matrix memory")
