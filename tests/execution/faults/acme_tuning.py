"""Models and a task whose tuning has a known outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

import rnnbench
from rnnbench import Batch, GeneratedTask, Metric, Tokens
from rnnbench.metrics import ACCURACY


class Plain(nn.Module):
    """A plain recurrent network."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNN(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = self.cell(x, state)
        return outputs, state


class Blind(Plain):
    """Sees its inputs, unless it is blind: then it cannot learn."""

    def __init__(self, input_size: int, hidden_size: int, blind: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.blind = blind

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return super().forward(torch.zeros_like(x) if self.blind else x, state)


class Fragile(Plain):
    """Its outputs are NaN once a weight has moved by more than 0.1."""

    first: Tensor

    @property
    def recurrent(self) -> Tensor:
        return dict(self.cell.named_parameters())["weight_hh_l0"].detach()

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.register_buffer("first", self.recurrent.clone())

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        moved = (self.recurrent - self.first).abs().max()
        return torch.where(moved > 0.1, torch.nan, outputs), state


@dataclass(frozen=True)
class Untestable(GeneratedTask):
    """Classify which of two symbols came first, without a test set."""

    inputs = Tokens(2)
    outputs = Tokens(2)
    steps = "last"
    length = 4
    metric: ClassVar[Metric] = ACCURACY
    baseline = 0.5
    perfect = 1.0
    solved = 0.95

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(2, (n, self.length), generator=generator, device=generator.device)
        return Batch(inputs, inputs[:, 0])

    def sample_test(self, n: int, generator: torch.Generator) -> Batch:
        raise RuntimeError("the test set was drawn")


@rnnbench.hookimpl
def register_models(register: Any) -> None:
    register("blind", Blind)
    register("fragile", Fragile)


@rnnbench.hookimpl
def register_tasks(register: Any) -> None:
    register("untestable", Untestable)
