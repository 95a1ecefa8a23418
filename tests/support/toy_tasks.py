"""Small, fast tasks with known answers, and networks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from rnnbench.contract.task import (
    Batch,
    FiniteTask,
    GeneratedTask,
    Splits,
    Task,
    Tokens,
    Vectors,
)
from rnnbench.metrics import ACCURACY, MSE
from rnnbench.training.network import Network
from tests.support.toy_cores import TorchRNN


@dataclass(frozen=True)
class FirstSymbol(GeneratedTask):
    """Recall the first symbol at the end of the sequence."""

    length: int = 6
    inputs = Tokens(4)
    outputs = Tokens(4)
    steps = "last"
    metric = ACCURACY
    baseline = 0.25
    perfect = 1.0
    solved = 0.9

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (n, self.length), generator=generator, device=generator.device)
        return Batch(inputs, inputs[:, 0])


@dataclass(frozen=True)
class RunningMean(FiniteTask):
    """Predict the mean of all inputs so far; sequences have different lengths."""

    rows: int = 50
    inputs = Vectors(2)
    outputs = Vectors(2)
    steps = "every"
    length = 7
    metric = MSE
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


def network_for(
    task: Task,
    core: Callable[[int, int], nn.Module] = TorchRNN,
    hidden_size: int = 8,
    **options: Any,
) -> Network:
    """Build a network for a task; its weights are the same at every call."""
    torch.manual_seed(0)
    return Network(
        lambda input_size: core(input_size, hidden_size),
        hidden_size=hidden_size,
        inputs=task.inputs,
        outputs=task.outputs,
        steps=task.steps,
        **options,
    )
