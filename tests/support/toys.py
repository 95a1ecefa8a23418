"""Small tasks and cores for tests: quick, and with known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rnnbench.contract.task import (
    Batch,
    FiniteTask,
    GeneratedTask,
    Metric,
    Splits,
    Steps,
    Task,
    Tokens,
    Vectors,
)
from rnnbench.metrics import ACCURACY, MSE
from rnnbench.training.network import Network


@dataclass(frozen=True)
class FirstSymbol(GeneratedTask):
    """Tell the first of a few symbols."""

    length: int = 6
    inputs = Tokens(4)
    outputs = Tokens(4)
    steps: Steps = "last"
    metric: ClassVar[Metric] = ACCURACY
    baseline = 0.25
    perfect = 1.0
    solved = 0.9

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (n, self.length), generator=generator, device=generator.device)
        return Batch(inputs, inputs[:, 0])


@dataclass(frozen=True)
class RunningMean(FiniteTask):
    """Give the mean of what was read so far; sequences of different lengths."""

    rows: int = 50
    inputs = Vectors(2)
    outputs = Vectors(2)
    steps: Steps = "every"
    length = 7
    metric: ClassVar[Metric] = MSE
    baseline = 1.0
    perfect = 0.0
    solved = 0.01

    @cached_property
    def _all(self) -> Batch:
        generator = torch.Generator().manual_seed(1)
        inputs = torch.randn(self.rows, self.length, 2, generator=generator)
        targets = inputs.cumsum(1) / torch.arange(1, self.length + 1)[:, None]
        return Batch(
            inputs, targets, torch.randint(1, self.length + 1, (self.rows,), generator=generator)
        )

    def splits(self) -> Splits:
        parts = [
            slice(0, self.rows - 20),
            slice(self.rows - 20, self.rows - 10),
            slice(self.rows - 10, None),
        ]
        return Splits(*(self._all.rows(part) for part in parts))


class TorchRNN(nn.Module):
    """torch's own layer as a core."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layer = nn.RNN(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = self.layer(x, state)
        return outputs, state


def network_for(
    task: Task,
    core: Callable[[int, int], nn.Module] = TorchRNN,
    hidden_size: int = 8,
    **options: Any,
) -> Network:
    """Build a network for a task, the same every time."""
    torch.manual_seed(0)
    return Network(
        lambda input_size: core(input_size, hidden_size),
        hidden_size=hidden_size,
        inputs=task.inputs,
        outputs=task.outputs,
        steps=task.steps,
        **options,
    )
