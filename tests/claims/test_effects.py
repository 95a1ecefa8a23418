"""Effects of claims: contrasts against textbook formulas and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.claims import Contrast, Moments, difference, mean, ratio, slope
from rnnbench.claims.effects import Estimate

NUMBERS = st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 3))
SAMPLES = st.lists(NUMBERS, min_size=3, max_size=8).filter(lambda x: np.std(x) > 1e-2)


def moments(values: list[float]) -> Moments:
    n = len(values)
    return Moments(float(np.mean(values)), float(np.std(values, ddof=1) / n**0.5), n - 1, n)


@given(SAMPLES, SAMPLES)
def test_a_difference_has_the_statistic_of_welch(a: list[float], b: list[float]) -> None:
    found = difference("a", "b", "a minus b").estimate({"a": moments(a), "b": moments(b)})
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert found.value / found.error == pytest.approx(welch.statistic)
    assert found.freedom == pytest.approx(welch.df)
    assert found.count == min(len(a), len(b))


@given(SAMPLES)
def test_a_mean_has_the_statistic_of_student(a: list[float]) -> None:
    found = mean("a", "a").estimate({"a": moments(a)})
    student = stats.ttest_1samp(a, 0.0)
    assert found.value / found.error == pytest.approx(student.statistic)
    assert found.freedom == pytest.approx(len(a) - 1)


@given(st.lists(NUMBERS, min_size=4, max_size=4))
def test_a_slope_is_that_of_least_squares(means: list[float]) -> None:
    places = {"p": 1.0, "q": 2.0, "r": 4.0, "s": 8.0}
    groups = {name: Moments(value, 0.1, 4, 5) for name, value in zip(places, means, strict=True)}
    expected = stats.linregress(list(places.values()), means).slope
    found = slope(places, "slope").estimate(groups)
    assert found.value == pytest.approx(expected, abs=1e-9)
    # Var(slope) of independent means with equal errors
    x = np.array(list(places.values()))
    assert found.error == pytest.approx(0.1 / np.sqrt(((x - x.mean()) ** 2).sum()))


def test_an_exponent_is_the_slope_of_logarithms() -> None:
    places = {"short": 10.0, "middle": 100.0, "long": 1000.0}
    groups = {
        name: Moments(math.log(3 * place**1.5), 0.01, math.inf, 5) for name, place in places.items()
    }
    found = slope(places, "exponent", of_logs=True).estimate(groups)
    assert found.value == pytest.approx(1.5)
    assert math.isinf(found.freedom)


def test_a_ratio_is_one_of_geometric_means() -> None:
    groups = {"a": moments([math.log(2), math.log(8)]), "b": moments([0.0, math.log(4)])}
    assert ratio("a", "b", "a over b").estimate(groups).effect == pytest.approx(2.0)


@given(st.floats(1e-6, 1e6))
def test_an_effect_on_a_logarithmic_scale_comes_back(effect: float) -> None:
    estimate = Estimate(0.0, 1.0, 5, "log", 5)
    assert estimate.out(estimate.into(effect)) == pytest.approx(effect)
    assert estimate.into(0.0) == -math.inf
    assert estimate.out(1e9) == math.inf


def test_contrasts_that_compare_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="weight"):
        Contrast({"a": 0.0}, "nothing")
    with pytest.raises(ValueError, match="two different places"):
        slope({"a": 1.0, "b": 1.0}, "slope")
