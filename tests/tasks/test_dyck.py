"""Dyck: strings against a stack, and exact cross-entropies against enumeration."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scoring import weighted_mean
from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    types=st.integers(1, 5),
    depth=st.integers(2, 6),
    length=st.integers(3, 40),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_every_string_is_well_nested_and_no_deeper_than_allowed(
    types: int, depth: int, length: int, seed: int
) -> None:
    batch = build("dyck", types=types, depth=depth, length=length).sample(5, generator(seed))
    assert batch.inputs.shape == batch.targets.shape == (5, length)
    for read, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert read == [2 * types, *target[:-1]]
        stack: list[int] = []
        for symbol in target:
            if symbol < types:
                stack.append(symbol)
                assert len(stack) <= depth
            else:
                assert stack.pop() == symbol - types


def every_string(types: int, depth: int, length: int) -> dict[tuple[int, ...], Fraction]:
    """Return the exact probability of every string, by the definition."""
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], Fraction] = {((), ()): Fraction(1)}
    for _ in range(length):
        longer: dict[tuple[tuple[int, ...], tuple[int, ...]], Fraction] = defaultdict(Fraction)
        for (string, stack), chance in found.items():
            opens = (
                Fraction(1) if not stack else Fraction(0) if len(stack) == depth else Fraction(1, 2)
            )
            for kind in range(types):
                longer[(*string, kind), (*stack, kind)] += chance * opens / types
            if stack:
                longer[(*string, types + stack[-1]), stack[:-1]] += chance * (1 - opens)
        found = {key: chance for key, chance in longer.items() if chance}
    return {string: chance for (string, _), chance in found.items()}


@pytest.mark.parametrize(("types", "depth", "length"), [(1, 2, 7), (2, 2, 6), (2, 3, 6), (3, 2, 5)])
def test_the_scores_are_those_of_all_strings(types: int, depth: int, length: int) -> None:
    task = build("dyck", types=types, depth=depth, length=length)
    chances = every_string(types, depth, length)
    assert sum(chances.values()) == 1
    entropy = -sum(float(p) * math.log(p) for p in chances.values()) / length
    assert task.perfect == pytest.approx(entropy, rel=1e-9)
    pairs: Counter[tuple[int, int]] = Counter()
    lasts: Counter[int] = Counter()
    for string, chance in chances.items():
        for last, following in zip((2 * types, *string), string, strict=False):
            pairs[last, following] += float(chance)  # type: ignore[assignment]
            lasts[last] += float(chance)  # type: ignore[assignment]
    one_step = (
        -sum(chance * math.log(chance / lasts[last]) for (last, _), chance in pairs.items())
        / length
    )
    assert task.baseline == pytest.approx(one_step, rel=1e-9)


def test_strings_are_drawn_with_their_probabilities() -> None:
    task = build("dyck", types=2, depth=2, length=5)
    chances = every_string(2, 2, 5)
    drawn = Counter(map(tuple, task.sample(40_000, generator()).targets.tolist()))
    assert set(drawn) == set(chances)
    chi_squared = sum(
        (drawn[string] - 40_000 * p) ** 2 / (40_000 * p) for string, p in chances.items()
    )
    freedom = len(chances) - 1
    assert chi_squared < freedom + 5 * math.sqrt(2 * freedom)


def test_a_predictor_with_a_stack_reaches_the_entropy() -> None:
    task = build("dyck", types=3, depth=4, length=30)
    batch = task.sample(3000, generator())
    logits = torch.full((3000, 30, 6), -1e4)
    for row, string in enumerate(batch.targets.tolist()):
        stack: list[int] = []
        for step, symbol in enumerate(string):
            if len(stack) < 4:
                logits[row, step, :3] = math.log((1.0 if not stack else 0.5) / 3)
            if stack:
                logits[row, step, 3 + stack[-1]] = math.log(1.0 if len(stack) == 4 else 0.5)
            if symbol < 3:
                stack.append(symbol)
            else:
                stack.pop()
    assert weighted_mean(task.metric.measure, logits, batch) == pytest.approx(
        task.perfect, rel=0.01
    )
    diagnosis = task.diagnose(lambda _inputs, _lengths: logits, batch)
    assert diagnosis.scores["closing type accuracy"] == 1.0
    (plot,) = diagnosis.plots
    assert plot.x[:3] == (1, 3, 5)  # between a bracket and its end lie whole pairs
    assert set(plot.lines["model"]) == {1.0}
    assert plot.lines["chance"][0] == pytest.approx(1 / 3)


def test_few_closing_brackets_are_scored_but_not_plotted() -> None:
    task = build("dyck", length=3)
    batch = task.sample(2, generator())
    diagnosis = task.diagnose(lambda inputs, _lengths: torch.zeros(*inputs.shape, 4), batch)
    assert diagnosis.plots == ()


def test_the_uniform_distribution_has_the_logarithm_as_cross_entropy() -> None:
    task = build("dyck", types=4)
    assert task.simple_scores == {"all symbols alike": math.log(8)}
    assert task.perfect < task.solved < task.baseline < math.log(8)
