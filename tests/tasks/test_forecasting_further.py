"""Forecasting over a horizon, with covariates, and of the series of statsmodels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import SHARED_DATA, build, helper, write
from tests.tasks.remembering import Gated, train

recursive_forecast = helper("series._series").recursive_forecast


def table(n: int, seed: int = 0) -> tuple[str, np.ndarray]:
    """Three columns of numbers and a date; the second leads the first by one step."""
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal((n, 3))
    drawn[1:, 0] = drawn[:-1, 1]
    rows = [
        f"day {row}," + ",".join(f"{value!r}" for value in values)
        for row, values in enumerate(drawn.tolist())
    ]
    return "when,first,second,third\n" + "\n".join(rows), drawn


@given(
    n=st.integers(100, 160),
    window=st.integers(2, 9),
    horizon=st.integers(1, 7),
    seed=st.integers(0, 20),
)
@settings(deadline=None, max_examples=25)
def test_windows_columns_and_targets_follow_the_definition(
    tmp_path_factory: pytest.TempPathFactory, n: int, window: int, horizon: int, seed: int
) -> None:
    content, drawn = table(n, seed)
    path = str(write(tmp_path_factory.mktemp("series"), "a.csv", content))
    task = build(
        "forecasting",
        path=path,
        column="first",
        covariates="third|second",
        window=window,
        horizon=horizon,
    )
    assert (task.inputs.dim, task.outputs.dim, task.length) == (3, horizon, window)
    first, second = round(0.6 * n), round(0.8 * n)
    scaled = ((drawn - drawn[:first].mean(0)) / drawn[:first].std(0))[:, [0, 2, 1]]
    parts = task.splits()
    for batch, start, end in zip(
        (parts.train, parts.validation, parts.test),
        (0, first, second),
        (first, second, n),
        strict=True,
    ):
        places = range(start, end - window - horizon + 1)
        np.testing.assert_allclose(
            batch.inputs.numpy(), [scaled[i : i + window] for i in places], rtol=1e-4, atol=1e-5
        )
        targets = [scaled[i + window : i + window + horizon, 0] for i in places]
        np.testing.assert_allclose(batch.targets.numpy(), targets, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("season", [0, 3, 11])
def test_baselines_over_a_horizon_are_those_of_their_rules(tmp_path: Path, season: int) -> None:
    content, drawn = table(200)
    path, window, horizon = str(write(tmp_path, "a.csv", content)), 4, 5
    task = build(
        "forecasting", path=path, column="first", window=window, horizon=horizon, season=season
    )
    scaled = ((drawn - drawn[:120].mean(0)) / drawn[:120].std(0))[:, 0]
    places = range(160 + window, 200 - horizon + 1)
    scores = task.simple_scores
    persistence = np.mean([(scaled[t : t + horizon] - scaled[t - 1]) ** 2 for t in places])
    assert scores["persistence"] == pytest.approx(persistence)
    assert scores["mean"] == pytest.approx(np.mean([scaled[t : t + horizon] ** 2 for t in places]))
    assert ("seasonal naive" in scores) is bool(season)
    if season:
        naive = []
        for t in places:
            for step in range(horizon):
                before = t + step - season
                while before >= t:  # a whole season ago is not known yet
                    before -= season
                naive.append((scaled[t + step] - scaled[before]) ** 2)
        assert scores["seasonal naive"] == pytest.approx(np.mean(naive))


def test_regression_and_network_find_a_leading_covariate(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.csv", table(400)[0]))
    alone = build("forecasting", path=path, column="first", window=3).simple_scores
    assert min(alone.values()) > 0.5
    task = build("forecasting", path=path, column="first", covariates="all", window=3)
    assert task.inputs.dim == 3  # the date is not a number
    assert task.simple_scores["linear regression on all inputs, direct"] < 1e-8
    trained = train(task, Gated, steps=200, learning_rate=1e-2)
    assert trained.score < 0.3
    diagnosis = trained.diagnosis
    assert "recursive mse" not in diagnosis.scores  # covariates are not predicted
    assert "recursive mse, persistence" in diagnosis.scores


def test_mae_and_mase_are_those_of_hyndman_and_koehler(tmp_path: Path) -> None:
    content, drawn = table(200)
    path = str(write(tmp_path, "a.csv", content))
    task = build("forecasting", path=path, column="first", window=4, horizon=2, season=3, rollout=7)
    scores = task.diagnose(
        lambda inputs, _: inputs[:, -1:, 0].expand(-1, 2), task.splits().test
    ).scores
    scaled = ((drawn - drawn[:120].mean(0)) / drawn[:120].std(0))[:, 0]
    mae = np.mean([np.abs(scaled[t : t + 2] - scaled[t - 1]) for t in range(164, 199)])
    assert scores["mae"] == pytest.approx(mae, rel=1e-5)
    assert scores["mase"] == pytest.approx(
        mae / np.mean(np.abs(scaled[3:120] - scaled[:117])), rel=1e-5
    )
    assert scores["recursive mse"] == pytest.approx(scores["recursive mse, persistence"], rel=1e-4)


@given(rollout=st.integers(1, 20), block=st.integers(1, 9), width=st.integers(2, 6))
@settings(deadline=None, max_examples=40)
def test_recursive_forecasts_feed_blocks_back(rollout: int, block: int, width: int) -> None:
    seen = np.arange(3 * width, dtype=np.float64).reshape(3, width)

    def count_on(window: np.ndarray) -> np.ndarray:
        assert window.shape == (3, width)
        return window[:, -1:] + np.arange(1, block + 1)

    expected = seen[:, -1:] + np.arange(1, rollout + 1)
    np.testing.assert_array_equal(recursive_forecast(count_on, seen, rollout), expected)


@pytest.mark.parametrize(
    ("name", "values", "missing_free"), [("sunspots", 309, 5.0), ("co2", 2284, 316.1)]
)
def test_bundled_series_are_read_by_name(name: str, values: int, missing_free: float) -> None:
    task = build("forecasting", data=name)
    assert len(task.values) == values
    assert task.in_unit(task.values[:, 0], 0)[0] == pytest.approx(missing_free)
    assert np.isfinite(task.values).all()
    assert list(task.data_checksums) == [name]
    assert task.names == (name,)
    errors = task.simple_scores
    assert errors["linear regression on the window"] < errors["persistence"]


def test_a_gap_in_a_bundled_series_is_the_value_before_it() -> None:
    task = build("forecasting", data="co2")
    first = task.in_unit(task.values[:9, 0], 0)
    assert first == pytest.approx([316.1, 317.3, 317.6, 317.5, 316.4, 316.9, 316.9, 317.5, 317.9])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covariates": "first"}, "covariates=first .* 'first' is one of them"),
        ({"covariates": "second|second"}, r"covariates=second\|second names 'second' twice"),
        ({"covariates": "secnd"}, r"no column 'secnd'. Did you mean 'second'\?"),
        ({"covariates": "when"}, r"line 2: 'day 0' is not a finite number"),
        ({"window": 15, "horizon": 10}, r"too few for window=15 and horizon=10"),
    ],
)
def test_invalid_columns_and_horizons_are_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = str(write(tmp_path, "a.csv", table(100)[0]))
    with pytest.raises(DataError, match=message):
        _ = build("forecasting", path=path, column="first", **options).splits()
    with pytest.raises(ValueError, match="data="):
        build("forecasting", data="sunspots", path=path)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout")
def test_every_variable_of_ett_is_read() -> None:
    path = str(SHARED_DATA / "ett" / "ETTh1.csv")
    task = build("forecasting", path=path, column="OT", covariates="all", horizon=24, window=48)
    assert (task.inputs.dim, task.outputs.dim) == (7, 24)
    assert torch.isfinite(task.splits().train.inputs).all()
    assert task.solved < task.baseline


def test_without_statsmodels_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(OptionError, match=r"needs statsmodels.*pip install 'rnnbench\[datasets\]'"):
        _ = build("forecasting", data="co2").values
