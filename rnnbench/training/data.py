"""Training batches and evaluation sets, generated or cut from a finite data set.

The batch of an optimizer step depends on the seed and the step alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from rnnbench.contract.task import Batch, FiniteTask, GeneratedTask
from rnnbench.errors import PluginError
from rnnbench.records.result import DataSize
from rnnbench.training.randomness import generator_for, seed_for
from rnnbench.training.seen import SeenRows

if TYPE_CHECKING:
    from rnnbench.contract.task import Steps, Task
    from rnnbench.records.settings import Settings


_HASHED_ROWS = 256
"""Training sequences of a finite set that are compared with the test at once; bounds memory."""


class Source(ABC):
    """Training batches by step, validation set and test set, all on one device."""

    validation: Batch
    test: Batch
    """Missing where the source was made without it."""

    @property
    @abstractmethod
    def size(self) -> DataSize:
        """Number of sequences, memory of the data that are held, and test sequences seen so far."""

    @abstractmethod
    def train(self, step: int) -> Batch:
        """Return the batch of optimizer step ``step``, counted from 0.

        At one seed it is the same for every model.
        """


class Generated(Source):
    """Batches and evaluation sets of a generated task, drawn on the device."""

    def __init__(
        self,
        task: GeneratedTask,
        settings: Settings,
        seed: int,
        device: torch.device,
        *,
        with_test: bool = True,
    ) -> None:
        self._task = task
        self._batch_size = settings.batch_size
        self._seed = seed
        self._double = settings.precision == "64"
        # reseeded for each batch: creating a generator costs more than seeding one
        self._generator = torch.Generator(device)
        self.validation = self._in_precision(
            task.sample(settings.validation_size, self._keyed("validation"))
        )
        self._seen: SeenRows | None = None
        if with_test:
            drawn = task.sample_test(settings.test_size, self._keyed("test"))
            self.test = self._in_precision(drawn)
            self._seen = SeenRows(self.test)

    @property
    def size(self) -> DataSize:
        """Number of sequences, memory of the sets, and test sequences in the batches so far."""
        assert self._seen is not None, "the source was made without a test set"
        return _size(None, self.validation, self.test, self._seen.share)

    def _keyed(self, purpose: str, *step: int) -> torch.Generator:
        return self._generator.manual_seed(seed_for(self._seed, purpose, *step))

    def _in_precision(self, batch: Batch) -> Batch:
        return batch.floating(torch.float64) if self._double else batch

    def train(self, step: int) -> Batch:
        batch = self._in_precision(self._task.sample(self._batch_size, self._keyed("train", step)))
        if self._seen is not None:
            self._seen.add(batch)
        return batch


class Finite(Source):
    """Batches of a finite data set, reshuffled in every epoch.

    All batches have one size: the incomplete last batch of an epoch is dropped. A stateful task is
    not shuffled. Row r of every batch is the next window of stream r, and every epoch starts at the
    first window of each stream with a fresh state.
    """

    def __init__(
        self,
        task: FiniteTask,
        settings: Settings,
        seed: int,
        device: torch.device,
        *,
        with_test: bool = True,
    ) -> None:
        splits = task.splits()
        dtype = torch.float64 if settings.precision == "64" else torch.float32
        self._train = splits.train.floating(dtype).to(device)
        self.validation = splits.validation.floating(dtype).to(device)
        if with_test:
            self.test = splits.test.floating(dtype).to(device)
        self._steps = task.steps
        self._stateful = task.stateful
        self._seed = seed
        self._device = device
        self._batch_size = min(settings.batch_size, len(splits.train))
        self._batches_per_epoch = len(splits.train) // self._batch_size
        # a copy on the CPU: trimming needs the numbers, and reading them from a GPU would stall it
        self._lengths = None if splits.train.lengths is None else splits.train.lengths.cpu()
        # the first window of each stream
        self._streams = torch.arange(self._batch_size, device=device) * self._batches_per_epoch
        self._order = lru_cache(maxsize=1)(self._draw_order)

    @property
    def size(self) -> DataSize:
        """Number of sequences, memory of the data, and test sequences in the training set."""
        seen = SeenRows(self.test)
        for start in range(0, len(self._train), _HASHED_ROWS):
            seen.add(self._train.rows(slice(start, start + _HASHED_ROWS)))
        return _size(self._train, self.validation, self.test, seen.share)

    def _draw_order(self, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the order of an epoch's sequences, (N,) int64, on the CPU and on the device."""
        order = torch.randperm(
            len(self._train), generator=generator_for(self._seed, "order", epoch)
        )
        return order, order.to(self._device, non_blocking=True)

    def train(self, step: int) -> Batch:
        epoch, position = divmod(step, self._batches_per_epoch)
        if self._stateful:
            return replace(self._train.rows(self._streams + position), continues=position > 0)
        here = slice(position * self._batch_size, (position + 1) * self._batch_size)
        order, order_on_device = self._order(epoch)
        batch = self._train.rows(order_on_device[here])
        return (
            batch
            if self._lengths is None
            else trimmed(batch, int(self._lengths[order[here]].max()), self._steps)
        )


def _size(train: Batch | None, validation: Batch, test: Batch, seen: float) -> DataSize:
    held = [part for part in (train, validation, test) if part is not None]
    return DataSize(
        train=None if train is None else len(train),
        validation=len(validation),
        test=len(test),
        bytes=sum(part.inputs.nbytes + part.targets.nbytes for part in held),
        seen_in_training=seen,
    )


def trimmed(batch: Batch, length: int, steps: Steps) -> Batch:
    """Return a batch cut to its first ``length`` time steps.

    Args:
        batch: inputs (B, T[, D]), right-padded.
        length: time steps to keep, at least the longest of ``batch.lengths``.
        steps: targets have a time axis for ``"every"`` and none for ``"last"``.
    """
    every = steps == "every"
    return Batch(
        inputs=batch.inputs[:, :length],
        targets=batch.targets[:, :length] if every else batch.targets,
        lengths=batch.lengths,
        mask=None if batch.mask is None else batch.mask[:, :length],
    )


def source_of(
    task: Task, settings: Settings, seed: int, device: torch.device, *, with_test: bool = True
) -> Source:
    """Return the source of a task's batches on ``device``; a try of a tuning study has no test."""
    if isinstance(task, GeneratedTask):
        return Generated(task, settings, seed, device, with_test=with_test)
    if isinstance(task, FiniteTask):
        return Finite(task, settings, seed, device, with_test=with_test)
    raise PluginError(f"{type(task).__name__} is neither a GeneratedTask nor a FiniteTask.")
