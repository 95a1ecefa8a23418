"""The noisy sine: every stated error against its closed form, and against the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import OptionError
from tests.tasks.builders import build, helper

sine_recursion = helper("series._baselines").sine_recursion
recursive_forecast = helper("series._series").recursive_forecast


def test_the_defaults_are_a_window_of_20_and_noise_of_a_tenth() -> None:
    task = build("sine-forecasting")
    assert (task.window, task.noise, task.perfect) == (20, 0.1, pytest.approx(0.01))


@given(
    points=st.integers(100, 400),
    window=st.integers(2, 15),
    train=st.floats(0.3, 0.6),
    validation=st.floats(0.2, 0.3),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=30)
def test_windows_follow_the_definition_and_never_cross_a_cut(
    points: int, window: int, train: float, validation: float, seed: int
) -> None:
    options = {
        "points": points,
        "window": window,
        "train": train,
        "validation": validation,
        "series_seed": seed,
    }
    if points - round(points * (train + validation)) <= window:
        with pytest.raises(ValueError, match="raise points"):
            build("sine-forecasting", **options)
        return
    task = build("sine-forecasting", **options)
    values = task.values[:, 0].astype(np.float32)
    cuts = [0, round(points * train), round(points * (train + validation)), points]
    parts = task.splits()
    for batch, start, end in zip(
        (parts.train, parts.validation, parts.test), cuts[:3], cuts[1:], strict=True
    ):
        naive = [(values[i : i + window], values[i + window]) for i in range(start, end - window)]
        assert batch.inputs.shape == (len(naive), window, 1)
        np.testing.assert_array_equal(
            batch.inputs[..., 0].numpy(), np.array([seen for seen, _ in naive])
        )
        np.testing.assert_array_equal(
            batch.targets[:, 0].numpy(), np.array([following for _, following in naive])
        )


def test_one_seed_makes_one_series() -> None:
    first, again, other = (build("sine-forecasting", series_seed=seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_signal_is_a_sine_and_the_noise_is_normal() -> None:
    task = build("sine-forecasting", points=100_000, period=17.3)
    s = task.signal
    np.testing.assert_allclose(
        s[2:], 2 * math.cos(2 * math.pi / 17.3) * s[1:-1] - s[:-2], atol=1e-9
    )
    assert np.mean(s**2) == pytest.approx(0.5, abs=1e-3)
    noise = (task.values[:, 0] - s) / task.noise
    assert noise.mean() == pytest.approx(0, abs=4 / math.sqrt(1e5))
    assert noise.var() == pytest.approx(1, abs=4 * math.sqrt(2 / 1e5))
    assert np.mean(noise[1:] * noise[:-1]) == pytest.approx(0, abs=4 / math.sqrt(1e5))


@pytest.mark.parametrize(("noise", "period"), [(0.1, 25.0), (0.8, 25.0), (0.01, 7.5), (0.2, 100.0)])
def test_errors_measured_agree_with_the_closed_forms(noise: float, period: float) -> None:
    task = build("sine-forecasting", points=400_000, noise=noise, period=period)
    w = 2 * math.pi / period
    measured = task.simple_scores
    assert measured["exact AR(2)"] == pytest.approx(noise**2 * (2 + 4 * math.cos(w) ** 2), rel=0.03)
    assert measured["persistence"] == pytest.approx(
        2 * math.sin(w / 2) ** 2 + 2 * noise**2, rel=0.03
    )
    assert measured["mean"] == pytest.approx(0.5 + noise**2, rel=0.03)
    assert task.baseline == pytest.approx(
        min(2 * math.sin(w / 2) ** 2 + 2 * noise**2, 0.5 + noise**2), rel=1e-9
    )
    assert measured["noise floor, expected"] == task.perfect == noise**2
    # fitting 20 weights on 240,000 windows comes as near to the fitted sine as can be measured, and
    # never below the floor
    assert (
        noise**2
        < measured["linear regression on the window"]
        < measured["fitted sine, expected"] * 1.03
    )


@given(window=st.integers(3, 40), period=st.floats(2.5, 60), noise=st.floats(0.01, 2))
@settings(deadline=None, max_examples=25)
def test_the_fitted_sine_error_is_that_of_least_squares(
    window: int, period: float, noise: float
) -> None:
    task = build("sine-forecasting", window=window, period=period, noise=noise, points=1000)
    steps = np.arange(window) * 2 * np.pi / period
    design = np.column_stack([np.sin(steps), np.cos(steps)])
    following = np.array([np.sin(window * 2 * np.pi / period), np.cos(window * 2 * np.pi / period)])
    # the prediction is linear in the window: its variance is noise^2 |weights|^2
    weights = following @ np.linalg.pinv(design)
    assert task.fitted_sine_error == pytest.approx(noise**2 * (1 + weights @ weights), rel=1e-6)
    assert task.fitted_sine_error > task.perfect


def test_without_noise_the_recursion_is_exact_for_one_step_and_many() -> None:
    task = build("sine-forecasting", noise=0, points=1000)
    assert task.perfect == 0 < task.baseline
    assert task.simple_scores["exact AR(2)"] < 1e-25
    recursion = sine_recursion(task.period)
    start = task.values[None, :20, 0]
    np.testing.assert_allclose(
        recursive_forecast(recursion, start, 200)[0], task.values[20:220, 0], atol=1e-9
    )


def test_the_baseline_is_worse_than_perfect_and_solved_lies_between() -> None:
    for noise in (0.0, 0.1, 100.0):
        task = build("sine-forecasting", noise=noise)
        assert task.perfect < task.solved < task.baseline


def test_recursive_forecasts_feed_predictions_back() -> None:
    task = build("sine-forecasting", noise=0.05, points=1000, rollout=30)
    test = task.splits().test

    def persistence(inputs: torch.Tensor, _lengths: torch.Tensor | None) -> torch.Tensor:
        return inputs[:, -1]

    def twice(inputs: torch.Tensor, _lengths: torch.Tensor | None) -> torch.Tensor:
        return 2 * math.cos(2 * math.pi / 25) * inputs[:, -1] - inputs[:, -2]

    diagnosis = task.diagnose(persistence, test)
    assert diagnosis.scores["recursive mse"] == pytest.approx(
        diagnosis.scores["recursive mse, persistence"], rel=1e-5
    )
    recursive = task.diagnose(twice, test).scores
    assert recursive["recursive mse"] == pytest.approx(
        recursive["recursive mse, exact AR(2)"], rel=1e-3
    )
    forecasts, errors = diagnosis.plots
    start = 800 + 20
    assert forecasts.x == tuple(range(start, start + 30))
    np.testing.assert_allclose(
        forecasts.lines["truth"], task.values[start : start + 30, 0], rtol=1e-5
    )
    assert forecasts.lines["model, recursive"] == pytest.approx(
        [task.values[start - 1, 0]] * 30, rel=1e-5
    )
    np.testing.assert_allclose(
        forecasts.lines["model, one step ahead"], task.values[start - 1 : start + 29, 0], rtol=1e-5
    )
    assert errors.x[-1] == 30
    assert {"model", "persistence", "exact AR(2)"} <= set(errors.lines)


def test_the_recursive_error_is_the_mean_over_starting_points() -> None:
    task = build("sine-forecasting", points=400, rollout=5)
    test = task.splits().test  # 60 windows: every one of the 56 starting points is used
    diagnosis = task.diagnose(lambda inputs, _lengths: inputs[:, -1] * 0, test)
    truth = test.targets[:, 0].double()
    naive = torch.stack([truth[i : i + 5] for i in range(56)]).square().mean()
    assert diagnosis.scores["recursive mse"] == pytest.approx(naive.item(), rel=1e-9)


def test_a_forecast_that_overflows_leaves_gaps_in_the_plot() -> None:
    task = build("sine-forecasting", points=400, rollout=50)
    diagnosis = task.diagnose(
        lambda inputs, _lengths: inputs[:, -1] * 1e30 + 1e30, task.splits().test
    )
    assert None in diagnosis.plots[0].lines["model, recursive"]
    assert not math.isfinite(diagnosis.scores["recursive mse"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 0.8, "validation": 0.3}, "leave nothing for the test"),
        ({"points": 50}, "no more than window=20"),
        ({"period": 2}, "period"),
        ({"noise": -1}, "noise"),
        ({"window": 1}, "window"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        build("sine-forecasting", **options)
