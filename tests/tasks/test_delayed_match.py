"""Delayed match against its definition."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    delay=st.integers(1, 20),
    symbols=st.integers(2, 9),
    n=st.integers(1, 8),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(delay: int, symbols: int, n: int, seed: int) -> None:
    batch = build("delayed-match", delay=delay, symbols=symbols).sample(n, generator(seed))
    assert batch.inputs.shape == (n, delay + 2)
    for row, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert target == int(row[0] == row[-1])
        assert all(0 <= symbol < symbols for symbol in row)


def test_cue_probe_and_answer_are_independent_two_by_two() -> None:
    batch = build("delayed-match", delay=1, symbols=4).sample(64_000, generator())
    for symbol in (batch.inputs[:, 0], batch.inputs[:, 1], batch.inputs[:, 2]):
        cells = (symbol * 2 + batch.targets).bincount(minlength=8).double()
        assert ((cells - 8000) ** 2 / 8000).sum() < 7 + 5 * math.sqrt(14)


def test_probes_that_do_not_match_are_uniform_over_the_other_symbols() -> None:
    batch = build("delayed-match", delay=1, symbols=4).sample(64_000, generator())
    other = batch.targets == 0
    pairs = (batch.inputs[other, 0] * 4 + batch.inputs[other, -1]).bincount(minlength=16).double()
    assert pairs[::5].tolist() == [0] * 4
    expected = other.sum().item() / 12
    assert pairs[pairs > 0].tolist() == pytest.approx([expected] * 12, rel=0.1)
