"""Small cells, one for each thing that a cell may do."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

import rnnbench


class Gated(rnnbench.Cell):
    """Minimal gated unit, with an option, a group and a constraint."""

    def __init__(self, input_size: int, hidden_size: int, gate_bias: float = 0.0) -> None:
        super().__init__(input_size, hidden_size)
        self.into = nn.Linear(input_size, 2 * hidden_size)
        self.gate = nn.Linear(hidden_size, hidden_size, bias=False)
        self.candidate = nn.Linear(hidden_size, hidden_size, bias=False)
        nn.init.constant_(self.into.bias[:hidden_size], gate_bias)

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.into(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        gate, candidate = projected.chunk(2, -1)
        f = torch.sigmoid(gate + self.gate(state))
        h = state + f * (torch.tanh(candidate + self.candidate(f * state)) - state)
        return h, h

    def parameter_groups(self) -> list[rnnbench.ParameterGroup]:
        return [rnnbench.ParameterGroup(["gate.weight"], learning_rate_factor=0.1)]

    def after_step(self) -> None:
        self.gate.weight.clamp_(-1, 1)


class Memory(NamedTuple):
    fast: Tensor
    slow: dict[str, Tensor]


class Nested(rnnbench.Cell):
    """Two leaky integrators in a nested state, read as an output of another width."""

    def __init__(self, input_size: int, hidden_size: int, *, depth: int, layer: int) -> None:
        super().__init__(input_size, hidden_size)
        self.place = (depth, layer)
        self.output_size = hidden_size + 1
        self.into = nn.Linear(input_size, hidden_size)
        self.out = nn.Linear(2 * hidden_size, hidden_size + 1)

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.into(x)
        return projected

    def initial_state(self, projected: Tensor) -> Memory:
        zero = torch.zeros_like(projected)
        return Memory(zero, {"of": zero})

    def step(self, projected: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        fast = torch.tanh(0.5 * state.fast + projected)
        slow = 0.9 * state.slow["of"] + projected
        return self.out(torch.cat([fast, slow], -1)), Memory(fast, {"of": slow})


class Leaky(rnnbench.Cell):
    """A diagonal linear recurrence with a parallel form."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.into = nn.Linear(input_size, hidden_size)
        self.leak = nn.Parameter(torch.randn(hidden_size))

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.into(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.sigmoid(self.leak) * state + projected
        return h, h

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        h = rnnbench.linear_recurrence(torch.sigmoid(self.leak), projected, state)
        return h, h[:, -1]
