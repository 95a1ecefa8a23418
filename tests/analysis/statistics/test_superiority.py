"""The probability that one model beats another, against Mann & Whitney and against simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.analysis.groups import Configuration
from rnnbench.analysis.statistics.superiority import beating, probability_of_beating
from rnnbench.records.result import Status
from tests.support.factory import record

SCORES = st.lists(st.integers(0, 6).map(lambda k: k / 4), min_size=2, max_size=8)


@given(SCORES, SCORES)
def test_it_is_mann_whitneys_statistic_over_the_pairs(a: list[float], b: list[float]) -> None:
    found = beating(np.array(a), np.array(b))
    statistic = stats.mannwhitneyu(a, b).statistic
    assert found.value == pytest.approx(statistic / (len(a) * len(b)), abs=1e-12)
    counted = sum(1.0 if x > y else 0.5 if x == y else 0.0 for x, y in itertools.product(a, b))
    assert found.value == pytest.approx(counted / (len(a) * len(b)), abs=1e-12)


@given(SCORES, SCORES)
def test_the_interval_is_that_of_the_complement_turned(a: list[float], b: list[float]) -> None:
    one, other = beating(np.array(a), np.array(b)), beating(np.array(b), np.array(a))
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    assert one.value == pytest.approx(1 - other.value)
    assert one.low == pytest.approx(1 - other.high, abs=1e-6)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.high - one.low > 0.1


def test_the_limits_solve_newcombes_equation() -> None:
    """At U = 20 of 25 pairs, with the quantile of t for 8 degrees of freedom."""
    found = beating(np.array([2, 3, 4, 5, 6.0]), np.array([0, 1, 2.5, 3.5, 4.5]))
    quantile = stats.t.ppf(0.975, 8)
    for limit in (found.low, found.high):
        assert limit is not None
        q1, q2 = limit / (2 - limit), 2 * limit**2 / (1 + limit)
        # Hanley & McNeil 1982, equation 2, with both sizes replaced by their mean in the brackets
        variance = (limit * (1 - limit) + 4 * (q1 - limit**2) + 4 * (q2 - limit**2)) / 25
        assert abs(limit - found.value) == pytest.approx(quantile * math.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("n", [4, 5, 10])
@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
def test_the_interval_holds_the_probability_of_normal_scores(n: int, distance: float) -> None:
    """The probability of normal scores a distance apart is Phi(distance / sqrt(2))."""
    rng = np.random.default_rng(3)
    truth = stats.norm.cdf(distance / math.sqrt(2))
    held = 0
    for _ in range(600):
        found = beating(rng.normal(distance, 1, n), rng.normal(0, 1, n))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    assert held / 600 > 0.94


def test_a_diverged_trial_loses_and_a_failed_one_is_left_out() -> None:
    a = [record(0.5, seed=0), record(0.7, seed=1), record(seed=2, status=Status.DIVERGED)]
    b = [record(0.6, seed=0), record(seed=1, status=Status.DIVERGED)]
    b.append(record(seed=2, status=Status.FAILED))
    first, second = Configuration("a", tuple(a)), Configuration("b", tuple(b))
    found = probability_of_beating(first, second, 1)
    assert found is not None
    # of six pairs: 0.5 loses and wins, 0.7 wins twice, the diverged one loses and ties
    assert found.value == pytest.approx((1 + 2 + 0.5) / 6)
    turned = probability_of_beating(first, second, -1)
    assert turned is not None
    # 0.5 now wins, 0.7 loses to 0.6, and diverging is still the worst
    assert turned.value == pytest.approx((2 + 1 + 0.5) / 6)
    assert probability_of_beating(first, Configuration("c", (b[2],)), 1) is None
