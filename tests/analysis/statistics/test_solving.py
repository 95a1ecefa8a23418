"""Solve rates and times to solve, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rnnbench.analysis.statistics.all_pairs import AllPairs
from rnnbench.analysis.statistics.solving import (
    all_or_none,
    boschloo_p,
    holm,
    log_rank_scores,
    seeds_for_rates,
)


def test_scores_with_a_clear_gap_at_the_threshold_are_all_or_none() -> None:
    assert all_or_none([0.999, 0.0, 0.01, 0.998], [True, False, False, True])
    assert not all_or_none([0.999, 0.7, 0.3, 0.998], [True, False, False, True])
    assert not all_or_none([0.999, 0.998], [True, True])
    assert not all_or_none([0.1, 0.2], [False, False])
    assert not all_or_none([1.0, float("nan")], [True, False])


def test_all_of_few_against_none_is_judged_by_counting() -> None:
    """Under the worst common rate, one half, all against none has probability 2 * 2**(-2n)."""
    assert boschloo_p(3, 3, 0, 3) == pytest.approx(2 * 0.5**6)
    assert boschloo_p(5, 5, 0, 5) == pytest.approx(2 * 0.5**10)
    assert boschloo_p(4, 4, 4, 4) == boschloo_p(0, 3, 0, 9) == 1.0
    assert boschloo_p(5, 6, 1, 5) == pytest.approx(boschloo_p(1, 5, 5, 6))


def test_the_number_of_trials_needed_shows_two_rates_apart() -> None:
    needed = seeds_for_rates(0.9, 0.3, 1)
    assert needed is not None
    rng = np.random.default_rng(0)
    shown = [
        boschloo_p(int(a), needed, int(b), needed) <= 0.05
        for a, b in zip(rng.binomial(needed, 0.9, 300), rng.binomial(needed, 0.3, 300), strict=True)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.1)
    assert seeds_for_rates(0.5, 0.5, 1) is None
    assert (seeds_for_rates(0.9, 0.3, 10) or 0) > needed


@settings(deadline=None, max_examples=6)  # statsmodels takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_of_nothing() -> None:
    assert holm([]) == []


TIMES = st.lists(st.one_of(st.none(), st.integers(1, 6)), min_size=3, max_size=9)


@settings(deadline=None)
@given(TIMES, TIMES)
def test_log_rank_scores_sum_to_the_log_rank_statistic(
    first: list[int | None], second: list[int | None]
) -> None:
    """The sum over one group is its observed events less the expected ones (Mantel 1966)."""
    pooled = [*first, *second]
    scores = log_rank_scores(pooled)
    assert scores.sum() == pytest.approx(0.0, abs=1e-9)
    observed = expected = 0.0
    ends = [[float("inf") if t is None else t for t in group] for group in (first, second)]
    for event in {t for t in pooled if t is not None}:
        at_risk = [sum(t >= event for t in group) for group in ends]
        happened = [sum(t == event for t in group) for group in ends]
        observed += happened[0]
        expected += sum(happened) * at_risk[0] / sum(at_risk)
    assert scores[: len(first)].sum() == pytest.approx(observed - expected, abs=1e-9)


def test_times_to_solve_are_told_apart_as_by_scipy() -> None:
    early, late = [100, 120, 150, 130, 110], [400, 380, None, 420, None]
    scores = log_rank_scores([*early, *late])
    ours = AllPairs([scores[:5], scores[5:]]).p_value(0, 1)
    theirs = stats.logrank(
        stats.CensoredData(early), stats.CensoredData([400, 380, 420], right=[1000, 1000])
    ).pvalue
    assert ours <= 0.05
    assert theirs <= 0.05
