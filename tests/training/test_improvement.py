"""A learning curve that still rises is told from noise, from a plateau and from a solved task."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnbench.training.improvement import FEWEST_POINTS, STANDARD_ERRORS, still_improving

STEP = np.arange(20)


def judged(skills: object, *, baseline: float = 0.0, perfect: float = 1.0) -> bool | None:
    skills = np.asarray(skills, dtype=float)
    scores = baseline + skills * (perfect - baseline)
    return still_improving(scores.tolist(), baseline=baseline, perfect=perfect)


def noise(size: float, seed: int = 0, n: int = 20) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize(("baseline", "perfect"), [(0.0, 1.0), (0.125, 1.0), (1 / 6, 0.0)])
@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (0.03 * STEP + noise(0.02), True),  # steady descent
        (1 - np.exp(-STEP / 15), True),  # slowing down, not yet flat
        (1 - np.exp(-STEP / 3), False),  # flat at the top
        (0.6 * (1 - np.exp(-STEP / 2)) + noise(0.02), False),  # plateau with noise
        (0.8 * (STEP >= 17) + noise(0.01), True),  # a late jump
        (0.8 * (STEP >= 5) + noise(0.01), False),  # an early one
        (np.minimum(1, 0.9 + 0.006 * STEP), False),  # solved, at the ceiling
        (0.8 - 0.02 * STEP, False),  # getting worse
        (np.full(20, 0.3), False),  # constant
        (0.3 + 0.0005 * STEP, False),  # a rise of no practical size
    ],
)
def test_synthetic_curves(
    curve: np.ndarray, expected: bool, baseline: float, perfect: float
) -> None:
    assert judged(curve, baseline=baseline, perfect=perfect) is expected


@pytest.mark.parametrize("size", [0.02, 0.1])
@pytest.mark.parametrize("points", [FEWEST_POINTS, 20])
def test_noise_alone_is_rarely_an_improvement(size: float, points: int) -> None:
    alarms = [bool(judged(0.5 + noise(size, seed, points))) for seed in range(1000)]
    normal_tail = math.erfc(STANDARD_ERRORS / math.sqrt(2)) / 2
    # the noise is estimated from few differences, which makes the tail heavier than normal
    assert normal_tail / 2 < np.mean(alarms) < 0.04


def test_a_trend_is_found_in_noise_of_its_own_size() -> None:
    found = [bool(judged(0.03 * STEP + noise(0.05, seed))) for seed in range(200)]
    assert np.mean(found) > 0.85


def test_few_validations_give_no_answer() -> None:
    assert judged(np.linspace(0, 0.5, FEWEST_POINTS - 1)) is None


@pytest.mark.parametrize("points", range(FEWEST_POINTS, 41))
def test_a_straight_rise_is_found_at_any_number_of_validations(points: int) -> None:
    assert judged(np.linspace(0, 0.9, points)) is True
