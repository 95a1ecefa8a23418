"""Dyck-1: strings against a counter, cross-entropies by enumeration."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import OptionError
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build

OPEN, CLOSE, END = 0, 1, 2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(length=st.integers(3, 50), opening=st.floats(0.05, 0.95), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_a_string_ends_where_no_bracket_is_open(length: int, opening: float, seed: int) -> None:
    batch = build("dyck-1", length=length, opening=opening).sample(5, generator(seed))
    assert batch.inputs.shape == batch.targets.shape == (5, length)
    for read, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert read == [END, *target[:-1]]
        depth = 0
        for symbol in target:
            if symbol != OPEN:
                assert symbol == (CLOSE if depth else END)
            depth += {OPEN: 1, CLOSE: -1, END: 0}[symbol]


def every_sequence(length: int, opening: float) -> dict[tuple[int, ...], float]:
    """Return the probability of every sequence of targets, with the separator before it."""
    found: dict[tuple[tuple[int, ...], int], float] = {((END,), 0): 1.0}
    for _ in range(length):
        longer: dict[tuple[tuple[int, ...], int], float] = {}
        for (read, depth), chance in found.items():
            longer[(*read, OPEN), depth + 1] = chance * opening
            other, below = (CLOSE, depth - 1) if depth else (END, 0)
            longer[(*read, other), below] = chance * (1 - opening)
        found = longer
    return {read: chance for (read, _), chance in found.items()}


@pytest.mark.parametrize("opening", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("length", [3, 4, 11])
def test_the_scores_are_those_of_all_sequences(length: int, opening: float) -> None:
    chances = every_sequence(length, opening)
    task = build("dyck-1", length=length, opening=opening)
    entropy = -sum(p * math.log(p) for p in chances.values()) / length
    assert task.perfect == pytest.approx(entropy, rel=1e-9)
    pairs: dict[tuple[int, int], float] = defaultdict(float)
    lasts: dict[int, float] = defaultdict(float)
    for sequence, chance in chances.items():
        for last, following in itertools.pairwise(sequence):
            pairs[last, following] += chance
            lasts[last] += chance
    one_step = -sum(p * math.log(p / lasts[last]) for (last, _), p in pairs.items()) / length
    assert task.baseline == pytest.approx(one_step, rel=1e-9)


def test_the_strings_are_those_of_the_grammar() -> None:
    """A string of 2n brackets has the probability p^n (1 - p)^(n + 1), whichever it is."""
    batch = build("dyck-1", length=12, opening=0.3).sample(60_000, generator())
    firsts: Counter[tuple[int, ...]] = Counter()
    for target in batch.targets.tolist():
        if END in target:
            firsts[tuple(target[: target.index(END)])] += 1
    catalan = {0: 1, 1: 1, 2: 2, 3: 5}
    for n, count in catalan.items():
        strings = {string: found for string, found in firsts.items() if len(string) == 2 * n}
        assert len(strings) == count
        chance = 0.3**n * 0.7 ** (n + 1)
        for found in strings.values():
            assert found / 60_000 == pytest.approx(chance, abs=5 * math.sqrt(chance / 60_000))


def with_a_counter(inputs: torch.Tensor, opening: float, most: int) -> torch.Tensor:
    """Predict with a counter that does not exceed ``most``: logits (B, T, 3)."""
    logits = torch.full((*inputs.shape, 3), -1e4)
    logits[..., OPEN] = math.log(opening)
    for row, read in enumerate(inputs.tolist()):
        depth = 0
        for step, symbol in enumerate(read):
            depth = {OPEN: min(depth + 1, most), CLOSE: max(depth - 1, 0), END: 0}[symbol]
            logits[row, step, CLOSE if depth else END] = math.log(1 - opening)
    return logits


def test_a_counter_reaches_the_entropy() -> None:
    task = build("dyck-1", length=40, opening=0.45)
    batch = task.sample(1000, generator())
    logits = with_a_counter(batch.inputs, 0.45, 1000)
    assert weighted_mean(task.metric.measure, logits, batch) == pytest.approx(
        task.perfect, abs=0.01
    )


def test_the_diagnosis_shows_where_a_bounded_counter_fails() -> None:
    task = build("dyck-1", length=20)
    test = task.sample_test(50, generator())
    exact = task.diagnose(lambda inputs, _: with_a_counter(inputs, 0.5, 1000), test)
    assert set(exact.scores.values()) == {1.0}
    (plot,) = exact.plots
    assert plot.span == (1, 20)
    assert max(plot.x) > 20
    assert set(plot.lines["model"]) == {1.0}
    bounded = task.diagnose(lambda inputs, _: with_a_counter(inputs, 0.5, 2), test)
    assert all(score < 1 for score in bounded.scores.values())


@pytest.mark.parametrize(("option", "value"), [("length", 2), ("opening", 0), ("opening", 1.5)])
def test_bad_options_are_refused_in_one_line(option: str, value: float) -> None:
    with pytest.raises(OptionError, match=option) as refused:
        build("dyck-1", **{option: value})
    assert "\n" not in str(refused.value)
