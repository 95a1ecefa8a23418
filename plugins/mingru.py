"""The minimal gated recurrent unit without a state in its gate (minGRU).

Equations, for layer input x_t (D) and hidden state h_t (H), ``*`` elementwise::

    z_t  = sigmoid(W_z x_t + b_z)                 (H)  update
    h~_t = g(W_h x_t + b_h)                       (H)  candidate
    h_t  = (1 - z_t) * h_{t-1} + z_t * h~_t       (H)
    y_t  = h_t

    g(u) = u + 1/2 where u >= 0, sigmoid(u) elsewhere       candidate=positive
    g(u) = u                                                candidate=linear

Gate and candidate do not depend on the state, so that the recurrence is linear in h and all steps
are computed at once.

Source: Feng et al. 2024. ``linear`` is the definition in its text; ``positive`` that of its
experiments, where the recurrence is evaluated in logarithms and the candidate has to be positive.
The weights have biases, as in the authors' code; other implementations have none. Deviations: the
recurrence is evaluated as written and not in logarithms, which is the same function and loses less
precision in long sequences. The state before the first step is zero; with ``positive`` the paper
has g(0) = 1/2. The expansion of the state beyond H is left out; it is a wider cell.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from rnnbench import Cell, RegisterModel, hookimpl, linear_recurrence

from ._common.minimal_rnn import CITATIONS, positive
from ._common.options import Bias


class MinGRU(Cell):
    """GRU whose gate and candidate depend on the input alone (Feng et al. 2024).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        candidate: ``positive``: g as in the paper's experiments; ``linear``: as in its text.
        update_bias: initial bias of the update gate. The state is kept where z is small: a negative
            value is a longer memory, of about exp(-update_bias) steps.

    Weights and the candidate's bias are initialised uniformly in +-1/sqrt(D), torch's own for a
    linear layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        candidate: Literal["positive", "linear"] = "positive",
        update_bias: Bias = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.candidate = candidate
        self.input = nn.Linear(input_size, 2 * hidden_size)  # z, h~
        with torch.no_grad():
            self.input.bias[:hidden_size] = update_bias

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to the arguments (B, T, 2H) of gate and candidate."""
        projected: Tensor = self.input(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the arguments (B, 2H) and h (B, H) to the new h, twice."""
        decay, drive = self._recurrence(projected)
        h = decay * state + drive
        return h, h

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the arguments (B, T, 2H) and h (B, H) to all h (B, T, H) and the last one."""
        h = linear_recurrence(*self._recurrence(projected), state)
        return h, h[:, -1]

    def _recurrence(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 - z and z * h~."""
        gate, candidate = projected.chunk(2, dim=-1)
        if self.candidate == "positive":
            candidate = positive(candidate)
        return torch.sigmoid(-gate), torch.sigmoid(gate) * candidate


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``mingru``."""
    register("mingru", MinGRU, citations=CITATIONS, family="linear recurrence")
