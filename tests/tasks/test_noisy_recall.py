"""Noisy recall against its definition."""

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
    slots=st.integers(2, 20),
    keys=st.integers(2, 6),
    values=st.integers(2, 6),
    noise=st.floats(0, 0.9),
    noise_symbols=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_sequences_follow_the_definition(
    slots: int, keys: int, values: int, noise: float, noise_symbols: int, seed: int
) -> None:
    task = build(
        "noisy-recall", length=2 * slots, keys=keys, values=values, noise=noise,
        noise_symbols=noise_symbols,
    )  # fmt: skip
    batch = task.sample(6, generator(seed))
    assert batch.mask is not None
    assert batch.inputs.shape == (6, 2 * slots - 1)
    for read, target, counted in zip(
        batch.inputs.tolist(), batch.targets.tolist(), batch.mask.tolist(), strict=True
    ):
        memory: dict[int, int] = {}
        for step in range(0, len(read), 2):
            first, second = read[step], read[step + 1] if step + 1 < len(read) else None
            assert step + 1 == len(read) or not counted[step + 1]
            if first >= keys + values:
                assert second is not None
                assert second >= keys + values
                assert not counted[step]
                continue
            assert first < keys
            assert counted[step] == (first in memory)
            if first in memory:
                assert target[step] == memory[first]
            if second is not None:
                assert memory.setdefault(first, second - keys) == second - keys
        assert counted[-1]


def test_shares_of_noise_keys_and_values() -> None:
    task = build("noisy-recall", length=64, keys=4, values=5, noise=0.3, noise_symbols=3)
    inputs = task.sample(3000, generator()).inputs[:, :-1]
    shares = inputs.flatten().bincount(minlength=12) / inputs.numel()
    # one slot of the 31 shown is the source of the last one and never has noise
    noise = 0.3 * 30 / 31
    assert float(shares[9:].sum()) == pytest.approx(noise, abs=0.005)
    assert shares[9:].tolist() == pytest.approx([noise / 3] * 3, abs=0.005)
    assert shares[:4].tolist() == pytest.approx([(1 - noise) / 8] * 4, abs=0.005)
    assert shares[4:9].tolist() == pytest.approx([(1 - noise) / 10] * 5, abs=0.005)


def test_the_baseline_is_the_best_guess_from_the_key_alone() -> None:
    task = build("noisy-recall", length=32, keys=4, values=5)
    batch = task.sample(6000, generator())
    pairs = torch.zeros(4, 5)
    pairs.index_put_(
        (batch.inputs[batch.mask], batch.targets[batch.mask]), torch.ones(()), accumulate=True
    )
    assert float(pairs.amax(1).sum() / pairs.sum()) == pytest.approx(task.baseline, abs=0.01)
    constant = torch.zeros(*batch.targets.shape, 5)
    constant[..., 2] = 1
    score = weighted_mean(task.metric.measure, constant, batch)
    assert score == pytest.approx(task.baseline, abs=0.01)


def test_the_needed_inputs_are_the_key_and_its_value() -> None:
    task = build("noisy-recall", length=24, keys=3, values=5)
    batch = task.sample(20, generator())
    sequence, read, written = task.relevant_lags(batch).unbind(1)
    is_key = read % 2 == 0
    assert torch.equal(
        batch.inputs[sequence, read][is_key], batch.inputs[sequence, written][is_key]
    )
    assert torch.equal(
        batch.inputs[sequence, read][~is_key] - 3, batch.targets[sequence, written][~is_key]
    )
    assert int(is_key.sum()) == int((~is_key).sum()) == int(batch.mask.sum())


def test_an_odd_length_is_refused() -> None:
    with pytest.raises(ValueError, match="length=31"):
        build("noisy-recall", length=31)
