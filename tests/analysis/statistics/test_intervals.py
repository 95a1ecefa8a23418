"""Intervals against independent computations, and their coverage against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from rnnbench.analysis.formatting import seeds_text
from rnnbench.analysis.statistics import intervals

FINITE = st.floats(-1e6, 1e6, allow_nan=False)
SAMPLES = st.lists(FINITE, min_size=2, max_size=12)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    assert intervals.mean_interval([0.5]) == intervals.Estimate(0.5, None, None, 1)
    assert "no interval" in seeds_text(1)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_interval_of_few_values_is_the_t_interval(n: int) -> None:
    values = np.random.default_rng(n).normal(5, 2, n)
    low, high = scipy_stats.t.interval(0.95, n - 1, values.mean(), scipy_stats.sem(values))
    ours = intervals.mean_interval(values)
    assert [ours.low, ours.high] == pytest.approx([low, high])
    assert f"{n} seeds: 95 % t interval" in seeds_text(n)


def test_equal_values_have_an_interval_without_width() -> None:
    for n in (2, 5, 6, 10):
        estimate = intervals.mean_interval([0.3] * n)
        assert [estimate.low, estimate.value, estimate.high] == pytest.approx([0.3] * 3)


@pytest.mark.parametrize("bad", [[], [math.nan, 1.0], [math.inf]])
def test_what_is_not_finite_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        intervals.mean_interval(bad)


def test_interval_of_many_values_is_the_t_interval() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = scipy_stats.t.interval(0.95, 399, values.mean(), scipy_stats.sem(values))
    ours = intervals.mean_interval(values)
    assert ours.low == pytest.approx(low, abs=0.02)
    assert ours.high == pytest.approx(high, abs=0.02)


@pytest.mark.parametrize("n", [8, 12, 30])
def test_interval_agrees_with_scipys_bca_at_the_widened_level(n: int) -> None:
    values = np.random.default_rng(4).exponential(1.0, n)
    tail = scipy_stats.norm.cdf(-math.sqrt(n / (n - 1)) * scipy_stats.t.isf(0.025, n - 1))
    theirs = scipy_stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=1 - 2 * tail,
        method="BCa",
        n_resamples=40_000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    ours = intervals.mean_interval(values)
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.06, rel=0.06)


@pytest.mark.parametrize("n", [3, 5, 6, 10])
@pytest.mark.parametrize(
    ("shape", "covered"), [("normal", 0.945), ("lognormal", 0.86), ("beta", 0.90)]
)
def test_coverage_is_what_the_documentation_says(n: int, shape: str, covered: float) -> None:
    rng = np.random.default_rng(n)
    draw, mean = {
        "normal": (rng.normal(size=(1000, n)), 0.0),
        "lognormal": (rng.lognormal(size=(1000, n)), math.exp(0.5)),
        "beta": (rng.beta(40, 1, size=(1000, n)), 40 / 41),
    }[shape]
    hits = [
        (e := intervals.mean_interval(row)).low is not None and e.low <= mean <= (e.high or 0)
        for row in draw
    ]
    assert np.mean(hits) == pytest.approx(covered, abs=0.045)


@settings(deadline=None)
@given(SAMPLES)
def test_interval_contains_the_mean(values: list[float]) -> None:
    estimate = intervals.mean_interval(values)
    assert estimate.low is not None
    assert estimate.high is not None
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert estimate.low - slack <= estimate.value <= estimate.high + slack


def test_a_second_source_of_error_widens_an_interval() -> None:
    """For two normal sources the variances add."""
    rng = np.random.default_rng(0)
    hits = 0
    for seeds, items in zip(rng.normal(size=(2000, 5)), rng.normal(size=2000), strict=True):
        estimate = intervals.widened(intervals.mean_interval(seeds + items), 1.0)
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 0 <= estimate.high
    assert 0.93 < hits / 2000 < 0.975
    alone = intervals.Estimate(1.0, 0.0, 3.0, 5)
    assert intervals.widened(alone, 0.0) == alone
    assert intervals.widened(intervals.Estimate(1.0, None, None, 1), 1.0).low is None


@settings(deadline=None)
@given(SAMPLES, st.floats(-100, 100), st.floats(0.1, 10))
def test_interval_moves_and_scales_with_the_values(
    values: list[float], shift: float, scale: float
) -> None:
    before, after = (
        intervals.mean_interval(values),
        intervals.mean_interval([scale * value + shift for value in values]),
    )
    assert before.low is not None
    assert after.low == pytest.approx(scale * before.low + shift, rel=1e-6, abs=1e-4)


def test_intervals_are_the_same_every_time() -> None:
    values = [0.1, 0.5, 0.9, 0.3, 0.7, 0.2]
    assert intervals.mean_interval(values) == intervals.mean_interval(values)


@pytest.mark.parametrize(("k", "n"), [(0, 3), (3, 3), (2, 5), (17, 40)])
def test_success_rate_is_wilsons(k: int, n: int) -> None:
    low, high = proportion_confint(k, n, method="wilson")
    rate = intervals.success_rate(k, n)
    assert rate.value == k / n
    assert [rate.low, rate.high] == pytest.approx([low, high], abs=1e-9)


@pytest.mark.parametrize(
    ("events", "median"),
    [
        ([100, 200, 300], 200),
        ([100, None, None], None),
        ([None, 100, 300, None], 300),
        ([100, 200], 100),
        ([None], None),
    ],
)
def test_censored_median(events: list[float | None], median: float | None) -> None:
    assert intervals.censored_median(events) == median
