"""a^n b^n and a^n b^n c^n: strings against the definition, cross-entropies by enumeration."""

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

LETTERS = {"anbn": 2, "anbncn": 3}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def next_symbols(letters: int, read: tuple[int, ...], stop: float) -> dict[int, float]:
    """Return the distribution of the next symbol after ``read``, from the definition."""
    start = len(read) - read[::-1].index(letters)
    string = read[start:]
    if not string:
        return {0: 1.0}
    if string[-1] == 0:
        return {0: 1 - stop, 1: stop}
    n = string.count(0)
    letter = string[-1]
    return {letter if string.count(letter) < n else letter + 1: 1.0}


def every_sequence(letters: int, length: int, stop: float) -> dict[tuple[int, ...], float]:
    """Return the probability of every sequence of ``length`` targets, with the separator before."""
    found: dict[tuple[int, ...], float] = {(letters,): 1.0}
    for _ in range(length):
        longer: dict[tuple[int, ...], float] = {}
        for read, chance in found.items():
            for symbol, share in next_symbols(letters, read, stop).items():
                longer[(*read, symbol)] = chance * share
        found = longer
    return found


@given(
    name=st.sampled_from(sorted(LETTERS)),
    length=st.integers(4, 60),
    stop=st.floats(0.01, 0.95),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_every_sequence_is_a_series_of_strings(
    name: str, length: int, stop: float, seed: int
) -> None:
    letters = LETTERS[name]
    batch = build(name, length=length, stop=stop).sample(5, generator(seed))
    assert batch.inputs.shape == batch.targets.shape == (5, length)
    for read, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert read == [letters, *target[:-1]]
        for step, symbol in enumerate(target):
            assert symbol in next_symbols(letters, tuple(read[: step + 1]), stop)


@pytest.mark.parametrize("stop", [0.1, 0.4, 0.8])
@pytest.mark.parametrize(
    ("name", "length"), [("anbn", 4), ("anbn", 13), ("anbncn", 5), ("anbncn", 14)]
)
def test_the_scores_are_those_of_all_sequences(name: str, length: int, stop: float) -> None:
    letters = LETTERS[name]
    chances = every_sequence(letters, length, stop)
    task = build(name, length=length, stop=stop)
    assert sum(chances.values()) == pytest.approx(1)
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


@pytest.mark.parametrize("name", LETTERS)
def test_sequences_are_drawn_with_their_probabilities(name: str) -> None:
    chances = every_sequence(LETTERS[name], 9, 0.4)
    batch = build(name, length=9, stop=0.4).sample(40_000, generator())
    drawn = Counter((LETTERS[name], *each) for each in batch.targets.tolist())
    assert set(drawn) <= set(chances)
    chi_squared = sum((drawn[each] - 40_000 * p) ** 2 / (40_000 * p) for each, p in chances.items())
    freedom = len(chances) - 1
    assert chi_squared < freedom + 5 * math.sqrt(2 * freedom)


def counter(letters: int, stop: float, most: int, inputs: torch.Tensor) -> torch.Tensor:
    """Predict with counters that stop at ``most``: logits (B, T, letters + 1)."""
    logits = torch.full((*inputs.shape, letters + 1), -1e4)
    for row, read in enumerate(inputs.tolist()):
        for step in range(len(read)):
            start = step - read[: step + 1][::-1].index(letters)
            string = read[start + 1 : step + 1]
            if string.count(0) > most and string[-1] != 0:
                logits[row, step, string[-1]] = 0  # never sees the end
                continue
            for symbol, chance in next_symbols(letters, (letters, *string), stop).items():
                logits[row, step, symbol] = math.log(chance)
    return logits


@pytest.mark.parametrize("name", LETTERS)
def test_counters_reach_the_entropy_and_predict_all_predictable_symbols(name: str) -> None:
    task = build(name, length=30, stop=0.2)
    batch = task.sample(1500, generator())
    logits = counter(LETTERS[name], 0.2, 1000, batch.inputs)
    assert weighted_mean(task.metric.measure, logits, batch) == pytest.approx(
        task.perfect, abs=0.01
    )


@pytest.mark.parametrize("name", LETTERS)
def test_the_diagnosis_finds_the_largest_n(name: str) -> None:
    letters = LETTERS[name]
    task = build(name, length=24, stop=0.1)
    diagnosis = task.diagnose(
        lambda inputs, _: counter(letters, 0.1, 7, inputs), task.sample_test(20, generator())
    )
    assert diagnosis.scores["largest n up to which every string is predicted"] == 7
    assert 0 < diagnosis.scores["accuracy of predictable symbols"] < 1
    (plot,) = diagnosis.plots
    fits = 24 // letters
    assert plot.span == (1, fits)
    assert plot.x == tuple(range(1, 2 * fits + 1))
    # a counter that stopped never sees the end of a letter
    assert plot.lines["model"] == pytest.approx([float(n <= 7) for n in plot.x])


@pytest.mark.parametrize(("option", "value"), [("length", 3), ("stop", 0), ("stop", 1)])
def test_bad_options_are_refused_in_one_line(option: str, value: float) -> None:
    with pytest.raises(OptionError, match=option) as refused:
        build("anbn", **{option: value})
    assert "\n" not in str(refused.value)
