"""Temporal order against the source's description of tasks 6a and 6b."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.builders import build

CLASSES = {
    "6a": ["XX", "XY", "YX", "YY"],
    "6b": ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"],
}
PLACES = {"6a": [(10, 20), (50, 60)], "6b": [(10, 20), (33, 43), (66, 76)]}
NAMES = "abcdEBXY"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    variant=st.sampled_from(["6a", "6b"]),
    shortest=st.integers(20, 120),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(variant: str, shortest: int, n: int, seed: int) -> None:
    task = build("temporal-order", variant=variant, shortest=shortest)
    batch = task.sample(n, generator(seed))
    assert batch.lengths is not None
    for row, length, target in zip(
        batch.inputs.tolist(), batch.lengths.tolist(), batch.targets.tolist(), strict=True
    ):
        word = "".join(NAMES[symbol] for symbol in row[:length])
        assert shortest <= length <= shortest + shortest // 10
        assert word[0] == "E"
        assert word[-1] == "B"
        assert set(word[1:-1]) <= set("abcdXY")
        signals = "".join(symbol for symbol in word if symbol in "XY")
        assert CLASSES[variant][target] == signals
        assert set(row[length:]) <= {NAMES.index("B")}


@pytest.mark.parametrize("variant", ["6a", "6b"])
def test_the_sources_positions_are_all_taken_and_no_others(variant: str) -> None:
    task = build("temporal-order", variant=variant)
    batch = task.sample(5000, generator())
    assert batch.lengths is not None
    assert set(batch.lengths.tolist()) == set(range(100, 111))
    places = (batch.inputs >= NAMES.index("X")).nonzero()[:, 1].view(
        5000, -1
    ) + 1  # counted from 1, as in the source
    for signal, (first, last) in enumerate(PLACES[variant]):
        assert set(places[:, signal].tolist()) == set(range(first, last + 1))


@pytest.mark.parametrize("variant", ["6a", "6b"])
def test_chance_is_one_over_the_classes_and_one_signal_halves_the_doubt(variant: str) -> None:
    task = build("temporal-order", variant=variant)
    targets = task.sample(40_000, generator()).targets
    shares = targets.bincount(minlength=len(CLASSES[variant])).double() / len(targets)
    assert shares.tolist() == pytest.approx([task.baseline] * len(CLASSES[variant]), abs=0.01)
    assert task.simple_scores["one signal"] == 2 * task.baseline
    assert task.outputs.vocab == len(CLASSES[variant])
