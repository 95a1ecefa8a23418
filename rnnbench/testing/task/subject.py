"""The task under test, with data drawn from fixed seeds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnbench.contract.task import Batch, FiniteTask, GeneratedTask, Splits, Task, width_of

if TYPE_CHECKING:
    from rnnbench.contract.entries import RegisteredTask
    from rnnbench.records.syntax import OptionValue

_FEWEST_ROWS, _MOST_ROWS = 64, 2000
_MOST_NUMBERS = 2**24
"""Values in one tensor of predictions at most: 64 MiB."""


@dataclass(frozen=True)
class TaskUnderTest:
    """A registered task with the options it is checked at."""

    registered: RegisteredTask
    options: dict[str, OptionValue] = field(default_factory=dict)

    @cached_property
    def rows(self) -> int:
        """Number of sequences that are drawn, or taken from each part of a finite data set."""
        width = width_of(self.task.outputs)
        steps = 1 if self.task.steps == "last" else self.task.length
        return max(_FEWEST_ROWS, min(_MOST_ROWS, _MOST_NUMBERS // (width * steps)))

    @cached_property
    def task(self) -> Task:
        """An instance of the task."""
        return self.build()

    def build(self) -> Task:
        """Build another instance of the task."""
        return self.registered.build(self.options)

    def sample(self, n: int, seed: int) -> Batch:
        """Draw from a generated task; raises ``TypeError`` for a finite one."""
        if not isinstance(self.task, GeneratedTask):
            raise TypeError("only a generated task can be drawn from")
        return self.task.sample(n, torch.Generator().manual_seed(seed))

    def sample_test(self, n: int, seed: int) -> Batch:
        """Draw test sequences from a generated task; raises ``TypeError`` for a finite one."""
        if not isinstance(self.task, GeneratedTask):
            raise TypeError("only a generated task can be drawn from")
        return self.task.sample_test(n, torch.Generator().manual_seed(seed))

    @cached_property
    def splits(self) -> Splits:
        """The parts of a finite task; raises ``TypeError`` for a generated one."""
        if not isinstance(self.task, FiniteTask):
            raise TypeError("only a finite task has splits")
        return self.task.splits()

    @cached_property
    def batches(self) -> dict[str, Batch]:
        """The batches that are checked, by their names in messages."""
        if isinstance(self.task, GeneratedTask):
            return {
                "sample": self.sample(self.rows, 1),
                "test sample": self.sample_test(self.rows, 2),
            }
        parts = {
            "train": self.splits.train,
            "validation": self.splits.validation,
            "test": self.splits.test,
        }
        return {name: _spread(batch, self.rows) for name, batch in parts.items()}

    @property
    def test(self) -> Batch:
        """The batch that scores are measured on."""
        return self.batches.get("test") or self.batches["test sample"]

    def outputs(self, batch: Batch, seed: int = 5) -> Tensor:
        """Draw random predictions (B, V|dim) or (B, T, V|dim) for the batch."""
        return torch.randn(
            prediction_shape(self.task, batch), generator=torch.Generator().manual_seed(seed)
        )


def prediction_shape(task: Task, batch: Batch) -> tuple[int, ...]:
    """Return the shape that a network's predictions have for the batch."""
    width = width_of(task.outputs)
    return (len(batch), width) if task.steps == "last" else (*batch.inputs.shape[:2], width)


def floating(batch: Batch) -> Batch:
    """Return the batch in float32, the default precision of training."""
    return batch.floating(torch.float32)


def differing_field(one: Batch, two: Batch) -> str | None:
    """Return the name of the first field in which two batches differ; ``None`` if equal."""
    for name in ("inputs", "targets", "lengths", "mask"):
        first, second = getattr(one, name), getattr(two, name)
        if (first is None) != (second is None) or (
            first is not None and not torch.equal(first, second)
        ):
            return name
    return None


@contextmanager
def other_global_seeds(seed: int) -> Iterator[None]:
    """Set the global seeds of torch and ``random`` and restore them afterwards."""
    state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


def _spread(batch: Batch, rows: int) -> Batch:
    if len(batch) <= rows:
        return batch.rows(slice(None))
    return batch.rows(torch.linspace(0, len(batch) - 1, rows).long())
