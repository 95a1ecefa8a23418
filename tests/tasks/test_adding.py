"""Adding against its definition, and its analytic errors against drawn data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import OptionError
from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(length=st.integers(2, 30), n=st.integers(1, 6), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(length: int, n: int, seed: int) -> None:
    task = build("adding", length=length)
    batch = task.sample(n, generator(seed))
    assert batch.inputs.shape == (n, length, 2)
    assert batch.targets.shape == (n, 1)
    for steps, (target,) in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        marked = [place for place, (_, marker) in enumerate(steps) if marker == 1]
        assert {marker for _, marker in steps} <= {0.0, 1.0}
        first, second = marked
        assert first < length // 2 <= second
        assert all(0 <= number < 1 for number, _ in steps)
        assert target == pytest.approx(steps[first][0] + steps[second][0])


def test_marks_are_uniform_in_their_half() -> None:
    marks = build("adding", length=10).sample(50_000, generator()).inputs[..., 1].sum(0)
    assert marks.tolist() == pytest.approx([10_000] * 10, abs=450)


def test_the_errors_of_simple_predictors_are_as_stated() -> None:
    task = build("adding", length=6)
    batch = task.sample(100_000, generator())
    always_one = (batch.targets - 1).square().mean().item()
    assert always_one == pytest.approx(task.baseline, rel=0.02)
    assert task.baseline == 1 / 6
    numbers, markers = batch.inputs.unbind(-1)
    second = (numbers * markers)[:, 3:].sum(1, keepdim=True)
    one_addend = (batch.targets - 0.5 - second).square().mean().item()
    assert one_addend == pytest.approx(task.simple_scores["one addend"], rel=0.02)
    assert task.simple_scores["one addend"] == 1 / 12


def test_a_single_step_has_no_halves() -> None:
    with pytest.raises(OptionError, match="length"):
        build("adding", length=1)
