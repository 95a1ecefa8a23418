"""Small cells of known architectures, by the formulas of torch and of the papers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Cell


def _uniform(cell: Cell) -> None:
    bound = 1 / math.sqrt(cell.hidden_size)
    for parameter in cell.parameters():
        nn.init.uniform_(parameter, -bound, bound)


class LSTM(Cell):
    """The LSTM of torch (Hochreiter & Schmidhuber 1997, with forget gate)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, 4 * hidden_size)
        self.recurrent = nn.Parameter(torch.empty(hidden_size, 4 * hidden_size))
        _uniform(self)

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        zeros = projected.new_zeros(len(projected), self.hidden_size)
        return zeros, zeros

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, object]:
        h, c = state
        i, f, g, o = torch.addmm(projected, h, self.recurrent).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class GRU(Cell):
    """The GRU of torch, with the reset gate after the product (Cho et al. 2014)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, 3 * hidden_size)
        self.recurrent = nn.Linear(hidden_size, 3 * hidden_size)
        _uniform(self)

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        xr, xz, xn = projected.chunk(3, -1)
        hr, hz, hn = self.recurrent(state).chunk(3, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        h = n + z * (state - n)
        return h, h


class MGU(Cell):
    """Minimal gated unit (Zhou et al. 2016)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, 2 * hidden_size)
        self.forget = nn.Linear(hidden_size, hidden_size, bias=False)
        self.candidate = nn.Linear(hidden_size, hidden_size, bias=False)
        _uniform(self)

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        xf, xn = projected.chunk(2, -1)
        f = torch.sigmoid(xf + self.forget(state))
        n = torch.tanh(xn + self.candidate(f * state))
        h = state + f * (n - state)
        return h, h


class PeepholeLSTM(LSTM):
    """LSTM whose gates read the cell (Gers & Schmidhuber 2000)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.peep_i = nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.1))
        self.peep_f = nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.1))
        self.peep_o = nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.1))

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, object]:
        h, c = state
        i, f, g, o = torch.addmm(projected, h, self.recurrent).chunk(4, -1)
        f, i = torch.sigmoid(f + self.peep_f * c), torch.sigmoid(i + self.peep_i * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + self.peep_o * c) * torch.tanh(c)
        return h, (h, c)


class LayerNormLSTM(LSTM):
    """LSTM with layer normalisation of recurrent input and cell (Ba et al. 2016)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.norm = nn.LayerNorm(4 * hidden_size)
        self.cell_norm = nn.LayerNorm(hidden_size)

    def step(self, projected: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, object]:
        h, c = state
        i, f, g, o = (projected + self.norm(h @ self.recurrent)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(self.cell_norm(c))
        return h, (h, c)


class IndRNN(Cell):
    """Independently recurrent network (Li et al. 2018)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, hidden_size)
        self.decay = nn.Parameter(torch.empty(hidden_size).uniform_(0, 1))

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(projected + self.decay * state)
        return h, h


CELLS: dict[str, type[Cell]] = {
    "lstm": LSTM,
    "gru": GRU,
    "mgu": MGU,
    "peephole-lstm": PeepholeLSTM,
    "layer-norm-lstm": LayerNormLSTM,
    "indrnn": IndRNN,
}
