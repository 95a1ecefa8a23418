"""The error over test items, against simulation and textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench.analysis.statistics.intervals import mean_interval, widened
from rnnbench.analysis.statistics.items import item_error
from rnnbench.records.items import ItemScores


def error_of(*values: object, **options: object) -> float | None:
    return item_error([ItemScores.of(np.asarray(each, float), **options) for each in values])  # type: ignore[arg-type]


def test_the_error_of_an_accuracy_is_binomial() -> None:
    answers = np.arange(1000) % 10 != 0
    assert error_of(answers) == pytest.approx(np.sqrt(0.9 * 0.1 / 999), rel=2e-3)


def test_items_are_averaged_over_the_trials() -> None:
    """Independent errors of ten trials on the same items cancel; common ones stay."""
    rng = np.random.default_rng(0)
    hard = rng.normal(size=500)
    trials = [hard + rng.normal(size=500) for _ in range(10)]
    assert error_of(*trials) == pytest.approx(np.sqrt(1.1 / 500), rel=0.1)


def test_weights_and_slope_are_taken_into_account() -> None:
    rng = np.random.default_rng(1)
    errors, means = [], []
    for _ in range(400):
        weights = rng.integers(1, 20, 300).astype(float)
        values = rng.normal(2.0, 1.0, 300) + 0.05 * weights
        items = ItemScores.of(values, weights, slope=3.0)
        found = item_error([items])
        assert found is not None
        errors.append(found)
        means.append(3.0 * (values * weights).sum() / weights.sum())
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)


def test_dependent_neighbours_count_as_one() -> None:
    rng = np.random.default_rng(2)
    errors, alone, means = [], [], []
    for _ in range(200):
        values = np.repeat(rng.normal(size=60), 10) + 0.1 * rng.normal(size=600)
        errors.append(error_of(values, block=10))
        alone.append(error_of(values))
        means.append(values.mean())
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.12)  # type: ignore[arg-type]
    assert np.mean(alone) < 0.5 * np.std(means)  # type: ignore[arg-type]


def test_one_block_has_no_error_and_other_test_sets_neither() -> None:
    assert error_of([0.1, 0.2, 0.3], block=3) is None
    assert error_of([0.1, 0.2], [0.1, 0.2, 0.3]) is None


def test_the_interval_of_a_finite_task_covers_new_seeds_and_new_items() -> None:
    """Seeds alone cover too little where the test set is small."""
    rng = np.random.default_rng(3)
    held = alone = 0
    for _ in range(300):
        skill = rng.normal(0.8, 0.02, 5)
        difficulty = rng.normal(0, 0.25, 150)
        chance = np.clip(skill[:, None] + difficulty, 0, 1)
        answers = (rng.random((5, 150)) < chance).astype(float)
        # the mean over seeds and items of this world
        truth = np.clip(0.8 + rng.normal(0, 0.25, 20_000), 0, 1).mean()
        seeds = mean_interval(answers.mean(axis=1))
        error = error_of(*answers)
        assert error is not None
        both = widened(seeds, error)
        assert seeds.low is not None
        assert seeds.high is not None
        assert both.low is not None
        assert both.high is not None
        held += both.low <= truth <= both.high
        alone += seeds.low <= truth <= seeds.high
    assert held / 300 >= 0.93
    assert alone < held
