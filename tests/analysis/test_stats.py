"""Intervals and tests against independent computations, and their coverage against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from rnnbench.analysis import stats
from rnnbench.analysis.formatting import seeds_text

FINITE = st.floats(-1e6, 1e6, allow_nan=False)
SAMPLES = st.lists(FINITE, min_size=2, max_size=12)


def test_one_seed_has_a_mean_and_no_interval() -> None:
    assert stats.mean_interval([0.5]) == stats.Estimate(0.5, None, None, 1)
    assert "no interval" in seeds_text(1)


def test_two_and_three_seeds_span_their_range() -> None:
    two, three = stats.mean_interval([1.0, 3.0]), stats.mean_interval([1.0, 2.0, 6.0])
    assert (two.low, two.value, two.high) == (1.0, 2.0, 3.0)
    assert (three.low, three.value, three.high) == (1.0, 3.0, 6.0)
    assert "at most 50 %" in seeds_text(2)
    assert "at most 75 %" in seeds_text(3)


@pytest.mark.parametrize("bad", [[], [math.nan, 1.0], [math.inf]])
def test_what_is_not_finite_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.mean_interval(bad)


def test_interval_of_many_values_is_the_t_interval() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = scipy_stats.t.interval(0.95, 399, values.mean(), scipy_stats.sem(values))
    ours = stats.mean_interval(values)
    assert ours.low == pytest.approx(low, abs=0.02)
    assert ours.high == pytest.approx(high, abs=0.02)


def test_percentiles_agree_with_scipys_bootstrap_at_the_widened_level() -> None:
    values = np.random.default_rng(4).exponential(1.0, 12)
    tail = scipy_stats.norm.cdf(-math.sqrt(12 / 11) * scipy_stats.t.isf(0.025, 11))
    theirs = scipy_stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=1 - 2 * tail,
        method="percentile",
        n_resamples=40_000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    ours = stats.mean_interval(values)
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.03)


@pytest.mark.parametrize(("n", "covered"), [(3, 0.75), (5, 0.93), (10, 0.945)])
def test_coverage_on_normal_values_is_what_we_say_it_is(n: int, covered: float) -> None:
    rng = np.random.default_rng(n)
    samples = rng.normal(0, 1, (1500, n))
    hits = [
        (e := stats.mean_interval(row)).low is not None and e.low <= 0 <= (e.high or 0)
        for row in samples
    ]
    assert np.mean(hits) == pytest.approx(covered, abs=0.03)
    assert np.mean(hits) <= stats.most_coverage(n) + 0.03


@settings(deadline=None)
@given(SAMPLES)
def test_interval_contains_the_mean_and_stays_inside_the_range(values: list[float]) -> None:
    estimate = stats.mean_interval(values)
    assert estimate.low is not None
    assert estimate.high is not None
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert min(values) - slack <= estimate.low <= estimate.value + slack
    assert estimate.value - slack <= estimate.high <= max(values) + slack


@settings(deadline=None)
@given(SAMPLES, st.floats(-100, 100), st.floats(0.1, 10))
def test_interval_moves_and_scales_with_the_values(
    values: list[float], shift: float, scale: float
) -> None:
    before, after = (
        stats.mean_interval(values),
        stats.mean_interval([scale * value + shift for value in values]),
    )
    assert before.low is not None
    assert after.low == pytest.approx(scale * before.low + shift, rel=1e-6, abs=1e-4)


def test_intervals_are_the_same_every_time() -> None:
    values = [0.1, 0.5, 0.9, 0.3, 0.7, 0.2]
    assert stats.mean_interval(values) == stats.mean_interval(values)


@pytest.mark.parametrize(("k", "n"), [(0, 3), (3, 3), (2, 5), (17, 40)])
def test_success_rate_is_wilsons(k: int, n: int) -> None:
    low, high = proportion_confint(k, n, method="wilson")
    rate = stats.success_rate(k, n)
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
    assert stats.censored_median(events) == median


def test_pairs_are_formed_by_seed() -> None:
    assert stats.paired_differences(
        {0: 1.0, 1: 2.0, 5: 9.0}, {1: 5.0, 0: 1.5, 7: 0.0}
    ).tolist() == [0.5, 3.0]


@settings(deadline=None, max_examples=15)  # statsmodels takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert stats.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_of_nothing() -> None:
    assert stats.holm([]) == []


def test_signed_rank_test_by_enumeration() -> None:
    """All signs equal over n pairs happens in 2 of 2^n ways."""
    assert stats.wilcoxon_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(2**-5)
    assert stats.wilcoxon_p([0.0] * 6) == 1.0


def test_t_test_agrees_with_scipy_and_knows_the_extremes() -> None:
    values = [0.2, 0.5, 0.1, 0.4]
    assert stats.paired_t_p(values) == pytest.approx(
        float(scipy_stats.ttest_1samp(values, 0).pvalue)
    )
    assert stats.paired_t_p([0.3, 0.3, 0.3]) == 0.0
    assert stats.paired_t_p([0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize("n", [3, 5, 10, 50, 1000])
def test_detectable_difference_has_the_power_promised(n: int) -> None:
    values = np.random.default_rng(n).normal(0, 2, n)
    detectable = stats.compare_paired(values).detectable
    assert detectable is not None
    effect = detectable / values.std(ddof=1)
    assert TTestPower().power(effect, n, 0.05) == pytest.approx(0.8, abs=1e-3)
    assert stats.compare_paired(values[:2]).detectable is None


def test_the_test_is_chosen_by_what_the_seeds_can_show() -> None:
    rng = np.random.default_rng(0)
    assert stats.compare_paired(rng.normal(1, 0.1, 2)).test is None
    assert stats.compare_paired(rng.normal(1, 0.1, 5)).test == "paired t"
    assert stats.compare_paired(rng.normal(1, 0.1, 6)).test == "Wilcoxon"
    assert stats.compare_paired(rng.normal(1, 0.1, 6), comparisons=4).test == "paired t"
    assert stats.compare_paired(rng.normal(1, 0.1, 8), comparisons=4).test == "Wilcoxon"
