"""Generators seeded by a key."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.training.randomness import generator_for, seed_for

KEYS = st.tuples(st.integers(0, 2**31), st.text(max_size=8), st.integers(0, 10**6))


@given(KEYS, KEYS)
def test_equal_keys_have_equal_seeds_and_different_keys_different_ones(
    one: tuple[int, str, int], two: tuple[int, str, int]
) -> None:
    assert seed_for(*one) == seed_for(*one)
    assert (seed_for(*one) == seed_for(*two)) == (one == two)
    assert 0 <= seed_for(*one) < 2**63


def test_the_seed_of_a_key_is_the_same_in_every_release() -> None:
    assert seed_for(0, "train", 5) == 9146760979926727168


def test_draws_for_one_purpose_do_not_affect_another() -> None:
    alone = torch.rand(3, generator=generator_for(1, "test"))
    torch.rand(100, generator=generator_for(1, "train", 0))
    assert torch.equal(torch.rand(3, generator=generator_for(1, "test")), alone)
