"""Selective copy against its definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scoring import weighted_mean
from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    data=st.data(),
    tokens=st.integers(1, 8),
    vocab=st.integers(4, 12),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(
    data: st.DataObject, tokens: int, vocab: int, n: int, seed: int
) -> None:
    noisy = data.draw(st.integers(tokens, 25))
    batch = build("selective-copy", noisy_length=noisy, tokens=tokens, vocab=vocab).sample(
        n, generator(seed)
    )
    assert batch.mask is not None
    for read, target, counted in zip(
        batch.inputs.tolist(), batch.targets.tolist(), batch.mask.tolist(), strict=True
    ):
        remembered = [symbol for symbol in read[:noisy] if symbol != 0]
        assert len(remembered) == tokens
        assert all(1 <= symbol <= vocab - 2 for symbol in remembered)
        assert read[noisy:] == [vocab - 1] * tokens
        assert [symbol + 1 for symbol in target[noisy:]] == remembered
        assert counted == [False] * noisy + [True] * tokens


def test_places_and_symbols_are_uniform() -> None:
    inputs = (
        build("selective-copy", noisy_length=10, tokens=3, vocab=6)
        .sample(20_000, generator())
        .inputs[:, :10]
    )
    assert (inputs > 0).sum(0).tolist() == pytest.approx([6000] * 10, rel=0.05)
    assert inputs[inputs > 0].bincount()[1:].tolist() == pytest.approx([15_000] * 4, rel=0.05)


def test_chance_is_one_in_fourteen_at_the_sources_vocabulary() -> None:
    task = build("selective-copy")
    assert task.baseline == 1 / 14
    batch = task.sample(4000, generator())
    constant = torch.zeros(*batch.targets.shape, 14)
    constant[..., 5] = 1
    assert weighted_mean(task.metric.measure, constant, batch) == pytest.approx(1 / 14, abs=0.006)


def test_tokens_must_fit() -> None:
    with pytest.raises(ValueError, match="tokens=4"):
        build("selective-copy", noisy_length=3, tokens=4)
