"""Slope, half-life and reach of profiles with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.probes.gradient.fit import fit_profile
from rnnbench.records.gradient import Profile


def fitted(values: list[float], first: int = 0) -> Profile:
    return fit_profile(range(first, first + len(values)), values, of="input", when="init")


@given(rate=st.floats(-0.7, 0.7), scale=st.floats(1e-6, 1e6), steps=st.integers(7, 300))
def test_an_exponential_is_recovered(rate: float, scale: float, steps: int) -> None:
    profile = fitted([scale * math.exp(rate * k) for k in range(steps)])
    assert profile.slope == pytest.approx(rate, abs=1e-9)
    if rate < -1e-6:
        assert profile.half_life == pytest.approx(math.log(2) / -rate, rel=1e-3)
        assert profile.reach == min(steps - 1, math.floor(-math.log(1e-3) / -rate + 1e-9))


def test_the_input_profile_of_a_trained_network_has_no_slope() -> None:
    values = [math.exp(-0.1 * k) for k in range(60)]
    trained = fit_profile(range(60), values, of="input", when="trained")
    assert (trained.slope, trained.half_life, trained.reach) == (None, None, 59)
    assert fit_profile(range(60), values, of="state", when="trained").slope == pytest.approx(-0.1)


def test_a_constant_gradient_never_halves() -> None:
    profile = fitted([0.5] * 40)
    assert (profile.slope, profile.half_life, profile.reach) == (0.0, math.inf, 39)


def test_the_nearest_lags_are_not_fitted() -> None:
    profile = fitted([1e6, 1e-6, 1e3, 7.0, 0.0] + [math.exp(-0.3 * k) for k in range(5, 30)])
    assert profile.slope == pytest.approx(-0.3)


def test_least_squares_agrees_with_numpy_on_a_scattered_profile() -> None:
    log_values = np.random.default_rng(0).normal(size=50).cumsum()
    expected = np.polyfit(np.arange(5, 50), log_values[5:], 1)[0]
    assert fitted(np.exp(log_values).tolist()).slope == pytest.approx(expected)


def test_underflow_has_the_slope_of_the_values_before() -> None:
    profile = fitted([10.0 ** (-3 * k) for k in range(200)])
    assert profile.values[-1] == 0
    assert profile.slope == pytest.approx(-3 * math.log(10), rel=1e-3)


def test_a_window_has_no_invented_half_life() -> None:
    profile = fitted([1.0] * 20 + [0.0] * 30)
    assert (profile.slope, profile.half_life, profile.reach) == (None, None, 19)


def test_no_gradient_at_all_has_no_slope_and_no_reach() -> None:
    profile = fitted([0.0] * 30)
    assert (profile.slope, profile.reach) == (None, 0)


def test_zeros_between_other_lags_are_left_out() -> None:
    dilated = [math.exp(-0.001 * k) if k % 4 == 0 else 0.0 for k in range(64)]
    profile = fitted(dilated)
    assert profile.reach == 60
    assert profile.slope == pytest.approx(-0.001)


def test_overflow_has_the_slope_of_the_finite_part() -> None:
    profile = fitted([10.0 ** (3 * k) for k in range(100)] + [math.inf] * 5 + [math.nan] * 5)
    assert profile.slope == pytest.approx(3 * math.log(10))


def test_nan_without_overflow_has_no_slope() -> None:
    profile = fitted([math.nan] * 30)
    assert (profile.slope, profile.half_life, profile.reach) == (None, None, 0)


def test_a_profile_too_short_to_fit_has_no_slope() -> None:
    profile = fitted([1.0, 0.5, 0.25, 0.1, 0.05, 0.02])
    assert (profile.slope, profile.reach) == (None, 5)


@given(values=st.lists(st.floats(0) | st.just(math.nan), max_size=60))
def test_a_profile_of_any_values_survives_json(values: list[float]) -> None:
    profile = fitted(values)
    again = Profile.model_validate_json(profile.model_dump_json())
    assert again.half_life == profile.half_life
    assert 0 <= profile.reach <= max(0, len(values) - 1)
