"""Compression against its definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import OptionError
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(symbols=st.integers(1, 12), bits=st.integers(1, 6), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_the_targets_are_the_bits_of_the_symbols(symbols: int, bits: int, seed: int) -> None:
    task = build("compression", symbols=symbols, bits=bits)
    batch = task.sample(5, generator(seed))
    assert batch.inputs.shape == (5, symbols + 1)
    assert batch.targets.shape == (5, symbols * bits)
    for read, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert read[-1] == 2**bits
        words = [target[place : place + bits] for place in range(0, symbols * bits, bits)]
        assert read[:-1] == [sum(int(bit) << i for i, bit in enumerate(word)) for word in words]


def test_a_symbol_counts_if_all_its_bits_are_correct() -> None:
    task = build("compression", symbols=3, bits=2)
    batch = task.sample(400, generator())
    logits = 2 * batch.targets - 1
    assert weighted_mean(task.metric.measure, logits, batch) == 1
    logits[:, 2] *= -1  # one bit of the second symbol
    assert weighted_mean(task.metric.measure, logits, batch) == pytest.approx(2 / 3)
    (plot,) = task.diagnose(lambda *_: logits, batch).plots
    assert plot.lines["model"] == (1.0, 0.0, 1.0)
    assert plot.lines["chance"] == (0.25,) * 3


def test_chance_is_the_score_of_a_constant() -> None:
    task = build("compression", symbols=5, bits=3)
    batch = task.sample(5000, generator())
    score = weighted_mean(task.metric.measure, torch.zeros_like(batch.targets), batch)
    assert score == pytest.approx(task.baseline, abs=0.01)


def test_too_many_bits_are_refused() -> None:
    with pytest.raises(OptionError, match="bits=11"):
        build("compression", bits=11)
