"""Memorisation against its definition."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import OptionError
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    facts=st.integers(2, 300),
    values=st.integers(2, 40),
    key_length=st.integers(1, 8),
    queries=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_sequences_ask_for_facts_of_one_dictionary(
    facts: int, values: int, key_length: int, queries: int, seed: int
) -> None:
    task = build("memorization", facts=facts, values=values, key_length=key_length, queries=queries)
    keys, found = task._dictionary
    dictionary = dict(zip(map(tuple, keys.tolist()), found.tolist(), strict=True))
    assert len(dictionary) == facts
    blank = task.inputs.vocab - 1
    assert blank**key_length >= facts
    assert blank == 2 or (blank - 1) ** key_length < facts
    counts = Counter(dictionary.values())
    assert max(counts.values()) - min(counts.get(value, 0) for value in range(values)) <= 1
    assert max(counts.values()) / facts == pytest.approx(task.baseline)
    batch = task.sample(5, generator(seed))
    for read, target, counted in zip(
        batch.inputs.tolist(), batch.targets.tolist(), batch.mask.tolist(), strict=True
    ):
        assert len(read) == queries * (key_length + 1)
        for start in range(0, len(read), key_length + 1):
            key, end = tuple(read[start : start + key_length]), start + key_length
            assert read[end] == blank
            assert target[end] == dictionary[key]
            assert counted[start : end + 1] == [False] * key_length + [True]


def test_the_dictionary_depends_on_its_seed_alone() -> None:
    one, same, other = (
        build("memorization", dictionary_seed=seed)._dictionary for seed in (3, 3, 4)
    )
    assert all(torch.equal(*pair) for pair in zip(one, same, strict=True))
    assert not torch.equal(one[1], other[1])


def test_facts_are_asked_for_equally_often() -> None:
    task = build("memorization", facts=20, values=20)
    batch = task.sample(2000, generator())
    counts = batch.targets[batch.mask].bincount(minlength=20).double()
    expected = counts.sum() / 20
    assert float(((counts - expected) ** 2 / expected).sum()) < 19 + 5 * (2 * 19) ** 0.5


def test_the_baseline_is_the_score_of_the_most_frequent_value() -> None:
    task = build("memorization", facts=9, values=4)
    batch = task.sample(4000, generator())
    scores = []
    for value in range(4):
        constant = torch.zeros(*batch.targets.shape, 4)
        constant[..., value] = 1
        scores.append(weighted_mean(task.metric.measure, constant, batch))
    assert max(scores) == pytest.approx(task.baseline, abs=0.01)
    assert task.baseline == 3 / 9


@pytest.mark.parametrize(("option", "value"), [("facts", 1), ("key_length", 9), ("values", 1)])
def test_bad_options_are_refused_in_one_line(option: str, value: int) -> None:
    with pytest.raises(OptionError, match=option) as refused:
        build("memorization", **{option: value})
    assert "\n" not in str(refused.value)
