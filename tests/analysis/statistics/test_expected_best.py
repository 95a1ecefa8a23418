"""The expected best score by number of tries, against enumeration and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis.statistics.expected_best import choice_weights, expected_best

SCORES = st.lists(st.floats(-5, 5).map(lambda x: round(x, 2)), min_size=1, max_size=7)


@given(SCORES, st.sampled_from([1, -1]))
def test_it_is_the_mean_of_the_best_over_all_choices(scores: list[float], sign: int) -> None:
    found = expected_best(scores, sign)
    best = max if sign == 1 else min
    for n, value in zip(found.tries, found.values, strict=True):
        chosen = [best(choice) for choice in itertools.combinations(scores, n)]
        assert value == pytest.approx(np.mean(chosen), abs=1e-9)
    assert found.values[-1] == pytest.approx(best(scores))
    assert len(found.tries) == len(scores)
    assert len(found.low) == len(found.high) == len(scores) // 2


@given(st.integers(1, 40))
def test_the_chances_of_being_the_best_sum_to_1(count: int) -> None:
    weights = choice_weights(count)
    assert weights.sum(axis=1) == pytest.approx(np.ones(count))
    assert (weights >= 0).all()


def test_it_is_unbiased_where_drawing_with_replacement_is_not() -> None:
    """The best of n uniform tries is n / (n + 1) in expectation."""
    rng = np.random.default_rng(5)
    count, studies = 8, 4000
    scores = np.sort(rng.random((studies, count)), axis=1)
    truth = np.arange(1, count + 1) / np.arange(2, count + 2)
    found = scores @ choice_weights(count).T
    error = found.std(axis=0) / np.sqrt(studies)
    assert (np.abs(found.mean(axis=0) - truth) < 4 * error).all()
    # Dodge et al. 2019: P(best is the i-th) = (i / B)^n - ((i - 1) / B)^n
    places = np.arange(count + 1) / count
    with_replacement = np.array([np.diff(places**n) for n in range(1, count + 1)])
    biased = (scores @ with_replacement.T).mean(axis=0) - truth
    assert (biased[1:] < -4 * error[1:]).all()


def test_the_interval_holds_the_expected_best_of_few_tries() -> None:
    rng = np.random.default_rng(6)
    count, studies = 12, 300
    held = np.zeros(count // 2)
    truth = np.arange(1, count // 2 + 1) / np.arange(2, count // 2 + 2)
    for _ in range(studies):
        found = expected_best(rng.random(count).tolist(), 1)
        held += (np.array(found.low) <= truth) & (truth <= np.array(found.high))
    assert (held / studies > 0.87).all(), held / studies


def test_one_try_has_no_interval() -> None:
    found = expected_best([0.3], 1)
    assert (found.values, found.low, found.high) == ((0.3,), (), ())
