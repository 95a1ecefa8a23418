"""Decisions: p-values against scipy, and the error rate and power that they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.analysis.claims.decision import (
    corrected,
    interval,
    p_values,
    seeds_needed,
)
from rnnbench.claims import Above, Below, Between, Moments, difference
from rnnbench.claims.effects import Estimate

SAMPLES = st.lists(
    st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 3)), min_size=3, max_size=8
).filter(lambda x: np.std(x) > 1e-2)


def estimated(a: list[float], b: list[float]) -> Estimate:
    groups = {
        name: Moments(
            float(np.mean(x)), float(np.std(x, ddof=1) / len(x) ** 0.5), len(x) - 1, len(x)
        )
        for name, x in (("a", a), ("b", b))
    }
    return difference("a", "b", "a minus b").estimate(groups)


@given(SAMPLES, SAMPLES, st.floats(-3, 3).map(lambda x: round(x, 2)))
def test_one_bound_is_the_two_sided_test_of_welch(
    a: list[float], b: list[float], bound: float
) -> None:
    estimate = estimated(a, b)
    expected = stats.ttest_ind(np.array(a) - bound, b, equal_var=False).pvalue
    above, below = p_values(estimate, Above(bound)), p_values(estimate, Below(bound))
    assert above.two_sided == pytest.approx(expected, abs=1e-9)
    assert below.two_sided == pytest.approx(expected, abs=1e-9)
    if expected < 0.999:
        assert above.towards != below.towards
        assert (above.towards == "supported") is (estimate.effect > bound)


@given(SAMPLES, SAMPLES)
def test_the_interval_is_that_of_welch(a: list[float], b: list[float]) -> None:
    found = interval(estimated(a, b))
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))


def test_between_two_bounds_is_a_test_of_equivalence() -> None:
    estimate = Estimate(0.01, 0.01, 10, "identity", 6)
    found = p_values(estimate, Between(-0.05, 0.05))
    # the larger of the two one-sided p-values, here that of the nearer bound
    assert found.supported == pytest.approx(stats.t.sf((0.05 - 0.01) / 0.01, 10))
    assert found.towards == "supported"
    away = p_values(Estimate(0.2, 0.01, 10, "identity", 6), Between(-0.05, 0.05))
    assert away.towards == "contradicted"
    assert away.contradicted == pytest.approx(2 * stats.t.sf(15, 10))
    unsure = p_values(Estimate(0.0, 1.0, 10, "identity", 6), Between(-0.05, 0.05))
    assert unsure.two_sided > 0.5


@pytest.mark.parametrize("rule", [Above(0.0), Below(0.0), Between(0.0, 50.0)])
def test_an_effect_on_a_bound_is_decided_in_at_most_one_run_of_twenty(
    rule: Above | Below | Between,
) -> None:
    generator = np.random.default_rng(0)
    draws = 4000
    a, b = generator.normal(0, 1, (draws, 5)), generator.normal(0, 3, (draws, 8))
    decided = sum(
        p_values(estimated(list(x), list(y)), rule).two_sided <= 0.05
        for x, y in zip(a, b, strict=True)
    )
    # within three standard errors of the nominal rate
    assert decided / draws <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize(
    ("effect", "rule", "claims"),
    [
        (0.5, Above(0.0), 1),
        (0.5, Above(0.0), 20),
        (0.1, Between(-0.4, 0.4), 1),
        (0.9, Between(-0.4, 0.4), 1),
    ],
)
def test_the_seeds_said_to_decide_do_so_in_four_runs_of_five(
    effect: float, rule: Above | Between, claims: int
) -> None:
    seen = Estimate(effect, math.sqrt(2 / 4), 6, "identity", 4)
    seeds = seeds_needed(seen, rule, claims)
    assert seeds is not None
    generator = np.random.default_rng(1)
    draws = 600
    decided = 0
    for _ in range(draws):
        a, b = generator.normal(effect, 1, seeds), generator.normal(0, 1, seeds)
        found = p_values(estimated(list(a), list(b)), rule)
        decided += found.two_sided <= 0.05 / claims
    assert decided / draws == pytest.approx(0.8, abs=0.06)


def test_no_number_of_seeds_decides_an_effect_on_the_bound() -> None:
    assert seeds_needed(Estimate(1e-9, 1.0, 8, "identity", 5), Above(0.0), 1) is None
    assert seeds_needed(Estimate(1.0, 0.0, math.inf, "identity", 1), Above(2.0), 1) is None


def test_a_count_is_decided_without_chance() -> None:
    exact = Estimate(0.25, 0.0, math.inf, "identity", 1)
    assert p_values(exact, Between(0.24, 0.26)).two_sided == 0.0
    assert p_values(exact, Above(0.3)).towards == "contradicted"
    assert interval(exact).low == interval(exact).high == 0.25


def test_correction_is_that_of_holm() -> None:
    assert corrected([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert corrected([]) == []
