"""Batches depend on seed and step alone; an epoch reads every row of a finite set once."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from rnnbench.contract.task import Batch, Task
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of, trimmed
from tests.support.toy_tasks import FirstSymbol, RunningMean

CPU = torch.device("cpu")


@pytest.mark.parametrize("task", [FirstSymbol(), RunningMean()])
def test_the_batch_of_a_step_does_not_depend_on_the_order_of_the_calls(task: Task) -> None:
    settings = Settings(batch_size=4)
    forward = [source_of(task, settings, 3, CPU).train(step).inputs for step in range(12)]
    source = source_of(task, settings, 3, CPU)
    backward = [source.train(step).inputs for step in reversed(range(12))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forward, backward, strict=True))
    assert not torch.equal(forward[0], forward[1])
    assert not torch.equal(forward[0], source_of(task, settings, 4, CPU).train(0).inputs)


def test_generated_evaluation_sets_have_their_own_numbers() -> None:
    source = source_of(
        FirstSymbol(), Settings(batch_size=8, validation_size=8, test_size=8), 0, CPU
    )
    drawn = [source.validation.inputs, source.test.inputs, source.train(0).inputs]
    assert not any(torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_an_epoch_reads_every_row_once_except_the_incomplete_batch() -> None:
    # 30 rows in training: 7 batches of 4, 2 rows left over
    task = RunningMean(rows=50)
    source = source_of(task, Settings(batch_size=4), 0, CPU)
    first = [row for step in range(7) for row in source.train(step).inputs[:, 0, 0].tolist()]
    second = [row for step in range(7, 14) for row in source.train(step).inputs[:, 0, 0].tolist()]
    known = set(task.splits().train.inputs[:, 0, 0].tolist())
    for epoch in (first, second):
        assert len(epoch) == 28
        assert set(Counter(epoch).values()) == {1}
        assert set(epoch) <= known
    assert first != second


def test_a_set_smaller_than_the_batch_is_the_batch() -> None:
    source = source_of(RunningMean(rows=25), Settings(batch_size=64), 0, CPU)
    assert len(source.train(0)) == 5


def test_padding_is_cut_to_the_longest_of_the_batch() -> None:
    source = source_of(RunningMean(), Settings(batch_size=2), 0, CPU)
    for step in range(10):
        batch = source.train(step)
        assert batch.lengths is not None
        assert batch.inputs.shape[1] == batch.targets.shape[1] == int(batch.lengths.max())


def test_trimming_leaves_targets_without_a_time_axis_alone() -> None:
    batch = Batch(torch.zeros(3, 5), torch.zeros(3, 5), torch.tensor([1, 2, 3]))
    assert trimmed(batch, 3, "last").targets.shape == (3, 5)
    assert trimmed(batch, 3, "every").targets.shape == (3, 3)


def test_double_precision_reaches_the_data() -> None:
    source = source_of(RunningMean(), Settings(batch_size=4, precision="64"), 0, CPU)
    assert source.train(0).inputs.dtype == source.test.targets.dtype == torch.float64


def test_the_size_of_the_data_is_reported() -> None:
    task = RunningMean(rows=50)
    splits = task.splits()
    parts = (splits.train, splits.validation, splits.test)
    size = source_of(task, Settings(batch_size=4), 0, CPU).size
    assert (size.train, size.validation, size.test) == tuple(map(len, parts))
    # float32
    assert size.bytes == sum(4 * (part.inputs.numel() + part.targets.numel()) for part in parts)
    drawn = source_of(
        FirstSymbol(), Settings(batch_size=8, validation_size=9, test_size=10), 0, CPU
    ).size
    assert (drawn.train, drawn.validation, drawn.test) == (None, 9, 10)


@pytest.mark.parametrize("task", [FirstSymbol(), RunningMean()])
def test_without_a_test_set_the_other_sequences_are_the_same(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(batch_size=4)
    whole = source_of(task, settings, 3, CPU)
    if isinstance(task, FirstSymbol):
        monkeypatch.setattr(FirstSymbol, "sample_test", None)
    part = source_of(task, settings, 3, CPU, with_test=False)
    assert not hasattr(part, "test")
    assert torch.equal(part.validation.inputs, whole.validation.inputs)
    for step in (0, 5, 1):
        assert torch.equal(part.train(step).inputs, whole.train(step).inputs)
