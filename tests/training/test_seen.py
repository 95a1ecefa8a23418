"""Test sequences that were drawn in training: counted as a plain comparison of rows counts them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.task import Batch, Splits
from rnnbench.records.settings import Settings
from rnnbench.training import seen
from rnnbench.training.data import source_of
from rnnbench.training.seen import SeenRows, hashes
from tests.support.toy_tasks import FirstSymbol, RunningMean

CPU = torch.device("cpu")


def rows_of(batch: Batch) -> list[bytes]:
    """Return the valid inputs of each sequence."""
    lengths = [batch.inputs.shape[1]] * len(batch)
    if batch.lengths is not None:
        lengths = batch.lengths.tolist()
    return [row[:valid].numpy().tobytes() for row, valid in zip(batch.inputs, lengths, strict=True)]


def share_by_rows(test: Batch, training: list[Batch]) -> float:
    known = {row for batch in training for row in rows_of(batch)}
    return sum(row in known for row in rows_of(test)) / len(test)


@pytest.mark.parametrize("at_once", [1, 100, 1 << 16])
@pytest.mark.parametrize(("length", "steps"), [(3, 10), (6, 40), (6, 400)])
def test_the_share_of_a_generated_task_is_exact(
    length: int, steps: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "_AT_ONCE", at_once)
    task = FirstSymbol(length)
    source = source_of(task, Settings(batch_size=8, test_size=300), 1, CPU)
    training = [source.train(step) for step in range(steps)]
    expected = share_by_rows(source.test, training)
    assert source.size.seen_in_training == pytest.approx(expected)
    assert 0 < expected <= 1


def test_the_share_of_a_finite_task_is_that_of_its_training_set() -> None:
    class Repeats(RunningMean):
        def splits(self) -> Splits:
            """Repeat three training sequences in the test part."""
            parts = super().splits()
            repeated = parts.train.rows(torch.tensor([0, 0, 3]))
            inputs, targets, lengths = (
                torch.cat([getattr(part, name) for part in (repeated, parts.test)])
                for name in ("inputs", "targets", "lengths")
            )
            return replace(parts, test=Batch(inputs, targets, lengths))

    assert source_of(RunningMean(), Settings(), 0, CPU).size.seen_in_training == 0
    assert source_of(Repeats(), Settings(), 0, CPU).size.seen_in_training == pytest.approx(3 / 13)


def test_padding_does_not_count_and_length_does() -> None:
    inputs = torch.tensor([[1, 2, 0, 0], [1, 2, 3, 3], [1, 2, 0, 0]])
    one, padded_otherwise, longer = hashes(
        Batch(inputs, inputs, lengths=torch.tensor([2, 2, 3]))
    ).tolist()
    assert one == padded_otherwise != longer
    cut = inputs[:1, :2]
    assert hashes(Batch(cut, cut)).tolist() == [one]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32, torch.float64])
def test_sequences_that_differ_in_one_number_have_different_hashes(dtype: torch.dtype) -> None:
    # every picture of 14 black and white pixels
    pixels = ((torch.arange(1 << 14)[:, None] >> torch.arange(14)) & 1).to(dtype)
    for inputs in (pixels, pixels.view(-1, 7, 2)):
        assert len(set(hashes(Batch(inputs, inputs)).tolist())) == 1 << 14


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=1, max_size=12),
    st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=1, max_size=12),
)
def test_the_count_is_that_of_a_set(test: list[list[int]], training: list[list[int]]) -> None:
    rows = SeenRows(Batch(torch.tensor(test), torch.tensor(test)))
    rows.add(Batch(torch.tensor(training), torch.tensor(training)))
    expected = sum(row in training for row in test) / len(test)
    assert rows.share == pytest.approx(expected)
    # read once more, and a batch that was added twice, change nothing
    rows.add(Batch(torch.tensor(training), torch.tensor(training)))
    assert rows.share == pytest.approx(expected)
