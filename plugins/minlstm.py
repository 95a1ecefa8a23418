"""The LSTM without a state in its gates (minLSTM).

Equations, for layer input x_t (D) and hidden state h_t (H), ``*`` elementwise::

    f_t  = sigmoid(W_f x_t + b_f)                 (H)  forget
    i_t  = sigmoid(W_i x_t + b_i)                 (H)  input
    h~_t = g(W_h x_t + b_h)                       (H)  candidate
    f'_t = f_t / (f_t + i_t)
    i'_t = i_t / (f_t + i_t)
    h_t  = f'_t * h_{t-1} + i'_t * h~_t           (H)
    y_t  = h_t

    g(u) = u + 1/2 where u >= 0, sigmoid(u) elsewhere       candidate=positive
    g(u) = u                                                candidate=linear

f' + i' = 1, so that the state is a weighted mean of the candidates. It is computed as
f' = sigmoid(log f - log i), which has no quotient of small numbers.

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
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Cell, RegisterModel, hookimpl, linear_recurrence

from ._common.minimal_rnn import CITATIONS, positive
from ._common.options import Bias


class MinLSTM(Cell):
    """LSTM whose gates and candidate depend on the input alone (Feng et al. 2024).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        candidate: ``positive``: g as in the paper's experiments; ``linear``: as in its text.
        forget_bias: initial bias of the forget gate. Above 0 the memory is longer, but f' stays
            below 2/3 where the input gate is at 1/2.
        input_bias: initial bias of the input gate. Below 0 the memory is longer, of about
            exp(-input_bias) / 2 steps.

    Weights and the candidate's bias are initialised uniformly in +-1/sqrt(D), torch's own for a
    linear layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        candidate: Literal["positive", "linear"] = "positive",
        forget_bias: Bias = 0.0,
        input_bias: Bias = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.candidate = candidate
        self.input = nn.Linear(input_size, 3 * hidden_size)  # f, i, h~
        with torch.no_grad():
            self.input.bias[:hidden_size] = forget_bias
            self.input.bias[hidden_size : 2 * hidden_size] = input_bias

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to the arguments (B, T, 3H) of gates and candidate."""
        projected: Tensor = self.input(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the arguments (B, 3H) and h (B, H) to the new h, twice."""
        decay, drive = self._recurrence(projected)
        h = decay * state + drive
        return h, h

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the arguments (B, T, 3H) and h (B, H) to all h (B, T, H) and the last one."""
        h = linear_recurrence(*self._recurrence(projected), state)
        return h, h[:, -1]

    def _recurrence(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return f' and i' * h~."""
        forget, add, candidate = projected.chunk(3, dim=-1)
        odds = F.logsigmoid(forget) - F.logsigmoid(add)
        if self.candidate == "positive":
            candidate = positive(candidate)
        return torch.sigmoid(odds), torch.sigmoid(-odds) * candidate


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``minlstm``."""
    register("minlstm", MinLSTM, citations=CITATIONS, family="linear recurrence")
