"""Associative recall against its definition."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scoring import weighted_mean
from tests.tasks.builders import build, helper


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    data=st.data(),
    pairs=st.integers(1, 5),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    random_filler=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(
    data: st.DataObject, pairs: int, n: int, seed: int, random_filler: bool
) -> None:
    length = 4 * pairs + 2 * data.draw(st.integers(0, 8))
    vocab = data.draw(st.integers(2 * pairs + 2, 40))
    task = build(
        "associative-recall", pairs=pairs, length=length, vocab=vocab, random_filler=random_filler
    )
    batch = task.sample(n, generator(seed))
    assert batch.mask is not None
    for read, target, counted in zip(
        batch.inputs.tolist(), batch.targets.tolist(), batch.mask.tolist(), strict=True
    ):
        keys, values = read[0 : 2 * pairs : 2], read[1 : 2 * pairs : 2]
        assert len(set(keys)) == len(set(values)) == pairs
        assert all(0 < key < vocab // 2 for key in keys)
        assert all(vocab // 2 <= value < vocab for value in values)
        memory = dict(zip(keys, values, strict=True))
        asked = [place for place, counts in enumerate(counted) if counts]
        assert sorted(read[place] for place in asked) == sorted(keys)
        for place in asked:
            assert place >= 2 * pairs
            assert place % 2 == 0
            assert target[place] == memory[read[place]]
        if not random_filler:
            others = [
                symbol
                for place, symbol in enumerate(read)
                if place >= 2 * pairs and place not in asked
            ]
            assert set(others) <= {0}


def test_places_are_drawn_one_after_the_other_by_the_power_law() -> None:
    """Ordered pairs of three positions have the probabilities of drawing without replacement."""
    weights = torch.arange(1.0, 4.0) ** (0.01 - 1)
    drawn = helper("synthetic.associative_recall")._distinct(100_000, 2, weights, generator())
    shares = (drawn[:, 0] * 3 + drawn[:, 1]).bincount(minlength=9) / 100_000
    w: list[Any] = weights.tolist()
    for a, b in itertools.permutations(range(3), 2):
        expected = w[a] / sum(w) * w[b] / (sum(w) - w[a])
        assert shares[3 * a + b].item() == pytest.approx(expected, abs=0.008)


def test_chance_and_any_value_of_the_sequence() -> None:
    task = build("associative-recall", pairs=4, length=32, vocab=64)
    batch = task.sample(4000, generator())
    outputs = torch.zeros(*batch.targets.shape, 64)
    outputs[..., 40] = 1
    assert weighted_mean(task.metric.measure, outputs, batch) == pytest.approx(
        task.baseline, abs=0.006
    )
    first_value = torch.nn.functional.one_hot(batch.inputs[:, 1:2].expand(-1, 32), 64).float()
    stated = task.simple_scores["any value of the sequence"]
    assert weighted_mean(task.metric.measure, first_value, batch) == pytest.approx(stated, abs=1e-6)
    assert (task.baseline, stated) == (1 / 32, 1 / 4)


@pytest.mark.parametrize(
    ("options", "option"),
    [({"length": 15}, "length=15"), ({"pairs": 9}, "pairs=9"), ({"vocab": 8}, "vocab=8")],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, int], option: str) -> None:
    with pytest.raises(ValueError, match=option):
        build("associative-recall", **options)
