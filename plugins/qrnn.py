"""The quasi-recurrent network (QRNN).

Equations, for layer input x_t (D), state c_t (H) and output h_t (H), ``*`` elementwise, with W, F
and O of shape (H, k D) on the last k inputs, X_t = [x_{t-k+1}, ..., x_t], zero before the first::

    z_t = tanh(W X_t + b_z)                               candidate
    f_t = sigmoid(F X_t + b_f)                            forget
    o_t = sigmoid(O X_t + b_o)                            output, pooling=fo and ifo
    i_t = sigmoid(I X_t + b_i)                            input, pooling=ifo
    c_t = f_t * c_{t-1} + (1 - f_t) * z_t                 pooling=f and fo
    c_t = f_t * c_{t-1} + i_t * z_t                       pooling=ifo
    h_t = o_t * c_t                                       pooling=fo and ifo; h_t = c_t with f

Initialisation: uniform in +-1/sqrt(k D), torch's own for a convolution, and b_f = forget_bias.

Source: Bradbury et al. 2017. Its zoneout, its dense connections between layers and its attention
are left out.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl, linear_recurrence

from ._common.options import Bias

CITATIONS = (
    Citation(
        "Bradbury et al. 2017",
        "Quasi-recurrent neural networks",
        "ICLR",
        "https://arxiv.org/abs/1611.01576",
    ),
)
_MAPS = {"f": 2, "fo": 3, "ifo": 4}

State = tuple[Tensor, Tensor]


class QRNN(Cell):
    """Convolutions over the last inputs and a gated average of them (Bradbury et al. 2017).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        window: k, inputs that candidate and gates see, that of the step included.
        pooling: the gates: ``f``: forget; ``fo``: forget and output; ``ifo``: an input gate
            besides, as in an LSTM.
        forget_bias: initial bias of the forget gate.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        window: PositiveInt = 2,
        pooling: Literal["f", "fo", "ifo"] = "fo",
        forget_bias: Bias = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.window = window
        self.maps = _MAPS[pooling]
        bound = 1 / math.sqrt(window * input_size)
        rows = self.maps * hidden_size  # z, f, o, i
        self.weight = nn.Parameter(torch.empty(rows, window * input_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(rows).uniform_(-bound, bound))
        with torch.no_grad():
            self.bias[hidden_size : 2 * hidden_size] = forget_bias

    def initial_state(self, projected: Tensor) -> State:
        """Return the last inputs (B, k - 1, D), the oldest first, and c (B, H), zero."""
        batch = projected.shape[0]
        return (
            projected.new_zeros(batch, self.window - 1, self.input_size),
            projected.new_zeros(batch, self.hidden_size),
        )

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map x (B, D) and the state to outputs (B, H) and the new state."""
        before, c = state
        seen = torch.cat([before, projected.unsqueeze(1)], dim=1)  # (B, k, D)
        decay, drive, output = self._recurrence(seen.flatten(1))
        c = decay * c + drive
        return c if output is None else output * c, (seen[:, 1:], c)

    def parallel(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map x (B, T, D) and the state to outputs (B, T, H) and the last state."""
        before, start = state
        steps = projected.shape[1]
        seen = torch.cat([before, projected], dim=1)  # (B, k - 1 + T, D)
        windows = torch.cat([seen[:, i : i + steps] for i in range(self.window)], dim=-1)
        decay, drive, output = self._recurrence(windows)
        c = linear_recurrence(decay, drive, start)
        return c if output is None else output * c, (seen[:, steps:], c[:, -1])

    def _recurrence(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return decay, drive and output gate for the last inputs (..., k D)."""
        maps = nn.functional.linear(windows, self.weight, self.bias).chunk(self.maps, dim=-1)
        candidate, forget = torch.tanh(maps[0]), torch.sigmoid(maps[1])
        add = torch.sigmoid(maps[3]) if len(maps) > _MAPS["fo"] else torch.sigmoid(-maps[1])
        output = torch.sigmoid(maps[2]) if len(maps) > _MAPS["f"] else None
        return forget, add * candidate, output


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``qrnn``."""
    register("qrnn", QRNN, citations=CITATIONS, family="linear recurrence")
