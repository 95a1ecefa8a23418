"""Forecasting several columns at once: targets, baselines, errors, faulty columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError
from tests.tasks.builders import SHARED_DATA, build, write
from tests.tasks.remembering import Gated, train

NAMES = ("HUFL", "HULL", "OT")


def drawn(n: int, columns: int = 3, seed: int = 0) -> np.ndarray:
    """Noise around rhythms of 5, 6, ... steps, each column in a unit of its own."""
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal((n, columns))
    rhythm = np.sin(2 * np.pi * np.arange(n)[:, None] / (5 + np.arange(columns)))
    return np.asarray(10.0 ** np.arange(columns) * (3 + rhythm + 0.3 * noise))


def csv_of(values: np.ndarray, names: tuple[str, ...] = NAMES) -> str:
    rows = (f"day {row}," + ",".join(map(repr, cells)) for row, cells in enumerate(values.tolist()))
    return "\n".join([",".join(("when", *names)), *rows])


def regressed(seen: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Least squares with an intercept, by its normal equations."""
    design = np.array([[*row, 1.0] for row in seen])
    return np.asarray(np.linalg.solve(design.T @ design, design.T @ following))


def naive_errors(
    scaled: np.ndarray, cuts: tuple[int, int], window: int, horizon: int, season: int
) -> dict[str, float]:
    """Every simple method, forecast by forecast: ``scaled`` holds the columns to forecast alone."""
    n, columns = scaled.shape
    first, second = cuts
    squares: dict[str, list[float]] = {}
    places = range(second + window, n - horizon + 1)

    def cases(start: int, end: int, width: int, steps: int) -> list[int]:
        return list(range(start + width, end - steps + 1))

    def note(name: str, forecast: float, truth: float) -> None:
        squares.setdefault(name, []).append((forecast - truth) ** 2)

    known = cases(0, first, window, horizon)
    everything = regressed(
        np.array([scaled[t - window : t].ravel() for t in known]),
        np.array([scaled[t : t + horizon].ravel() for t in known]),
    )
    for t in places:
        at_once = np.array([*scaled[t - window : t].ravel(), 1.0]) @ everything
        for step in range(horizon):
            for column in range(columns):
                note(
                    "linear regression on all inputs, direct",
                    at_once[step * columns + column],
                    scaled[t + step, column],
                )
    for column in range(columns):
        series = scaled[:, column]
        fits = {}
        for name, order in {"AR(2)": 2, "linear regression on the window": window}.items():
            one_ahead = cases(0, first, order, 1)
            fits[name] = regressed(
                np.array([series[t - order : t] for t in one_ahead]), series[one_ahead]
            )
        direct = regressed(
            np.array([series[t - window : t] for t in known]),
            np.array([series[t : t + horizon] for t in known]),
        )
        for t in places:
            fed = {name: list(series[t - window : t]) for name in fits}
            for step in range(horizon):
                truth = series[t + step]
                note("persistence", series[t - 1], truth)
                note("mean", 0.0, truth)
                before = t + step - season
                while before >= t:
                    before -= season
                note("seasonal naive", series[before], truth)
                for name, weights in fits.items():
                    fed[name].append(
                        float(np.array([*fed[name][1 - len(weights) :], 1.0]) @ weights)
                    )
                    note(name, fed[name][-1], truth)
                if horizon > 1:
                    forecast = float(np.array([*series[t - window : t], 1.0]) @ direct[:, step])
                    note("linear regression on the window, direct", forecast, truth)
    return {name: float(np.mean(each)) for name, each in squares.items()}


@given(
    n=st.integers(150, 190),
    window=st.integers(2, 5),
    horizon=st.integers(1, 4),
    season=st.integers(1, 8),
    columns=st.integers(2, 3),
    seed=st.integers(0, 50),
)
@settings(deadline=None, max_examples=15)
def test_targets_and_simple_scores_of_all_columns_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory,
    n: int,
    window: int,
    horizon: int,
    season: int,
    columns: int,
    seed: int,
) -> None:
    values = drawn(n, columns, seed)
    path = str(write(tmp_path_factory.mktemp("series"), "a.csv", csv_of(values, NAMES[:columns])))
    task = build(
        "forecasting", path=path, column="all", window=window, horizon=horizon, season=season
    )
    assert task.names == NAMES[:columns]
    assert (task.inputs.dim, task.outputs.dim, task.length) == (columns, horizon * columns, window)
    first, second = round(0.6 * n), round(0.8 * n)
    scaled = (values - values[:first].mean(0)) / values[:first].std(0)
    parts = task.splits()
    for batch, start, end in zip(
        (parts.train, parts.validation, parts.test),
        (0, first, second),
        (first, second, n),
        strict=True,
    ):
        places = range(start + window, end - horizon + 1)
        np.testing.assert_allclose(
            batch.inputs, [scaled[t - window : t] for t in places], rtol=1e-4, atol=1e-5
        )
        following = [
            [scaled[t + step, column] for step in range(horizon) for column in range(columns)]
            for t in places
        ]
        np.testing.assert_allclose(batch.targets, following, rtol=1e-4, atol=1e-5)
    expected = naive_errors(scaled, (first, second), window, horizon, season)
    assert task.simple_scores == pytest.approx(expected, rel=1e-4)
    assert task.baseline == pytest.approx(min(expected["persistence"], expected["mean"]), rel=1e-4)
    assert task.solved == pytest.approx(min(expected.values()), rel=1e-4)


@given(
    horizon=st.integers(1, 5),
    rollout=st.integers(1, 12),
    season=st.integers(0, 4),
    seed=st.integers(0, 20),
)
@settings(deadline=None, max_examples=15)
def test_diagnosis_scores_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory, horizon: int, rollout: int, season: int, seed: int
) -> None:
    n, window, weights = 150, 4, torch.tensor([[0.5, 0.1, 0.0], [0.3, 0.4, 0.2], [0.0, -0.2, 0.9]])
    values = drawn(n, 3, seed)
    path = str(write(tmp_path_factory.mktemp("series"), "a.csv", csv_of(values)))
    task = build(
        "forecasting",
        path=path,
        column="all",
        window=window,
        horizon=horizon,
        rollout=rollout,
        season=season,
    )

    def mixing(inputs: torch.Tensor, _lengths: torch.Tensor | None) -> torch.Tensor:
        """Forecast every column from all of them, each step from the one before."""
        steps = [inputs[:, -1]]
        for _ in range(horizon):
            steps.append(steps[-1] @ weights.to(inputs) + 0.1)
        return torch.cat(steps[1:], dim=1)

    scores = task.diagnose(mixing, task.splits().test).scores
    scaled = (values - values[:90].mean(0)) / values[:90].std(0)

    def forecast(t: int, steps: int) -> np.ndarray:
        rows = [scaled[t - 1]]
        for _ in range(steps):
            rows.append(rows[-1] @ weights.double().numpy() + 0.1)
        return np.array(rows[1:])

    errors = np.array(
        [
            forecast(t, horizon) - scaled[t : t + horizon]
            for t in range(120 + window, n - horizon + 1)
        ]
    )
    assert scores["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)
    lag = season or 1
    naive = [
        np.mean([abs(scaled[t, k] - scaled[t - lag, k]) for t in range(lag, 90)]) for k in range(3)
    ]
    assert scores["mase"] == pytest.approx(
        np.mean([np.abs(errors[..., k]).mean() / naive[k] for k in range(3)]), rel=1e-4
    )
    for k, name in enumerate(NAMES):
        assert scores[f"scaled mse, {name}"] == pytest.approx(
            (errors[..., k] ** 2).mean(), rel=1e-4
        )
    # the map is applied to its own output, so that blocks of any size give the same forecast; all
    # starting points are used
    starts = range(120 + window, n - horizon + 1 - rollout + 1)
    recursive = np.array([forecast(t, rollout) - scaled[t : t + rollout] for t in starts])
    assert scores["recursive mse"] == pytest.approx((recursive**2).mean(), rel=1e-3)
    persistence = np.array([scaled[t - 1] - scaled[t : t + rollout] for t in starts])
    assert scores["recursive mse, persistence"] == pytest.approx((persistence**2).mean(), rel=1e-4)


def test_columns_come_in_the_order_given_before_covariates(tmp_path: Path) -> None:
    values = drawn(120)
    path = str(write(tmp_path, "a.csv", csv_of(values)))
    task = build("forecasting", path=path, column="OT|1", covariates="all", window=3, horizon=2)
    assert (task.names, task.inputs.dim, task.outputs.dim) == (("OT", "HUFL"), 3, 4)
    scaled = ((values - values[:72].mean(0)) / values[:72].std(0))[:, [2, 0, 1]]
    train_part = task.splits().train
    np.testing.assert_allclose(train_part.inputs[0], scaled[:3], rtol=1e-5)
    np.testing.assert_allclose(train_part.targets[0], scaled[3:5, :2].ravel(), rtol=1e-5)
    diagnosis = task.diagnose(lambda inputs, _: inputs[:, -1, :2].repeat(1, 2), task.splits().test)
    assert "recursive mse" not in diagnosis.scores  # covariates are not predicted
    assert [plot.title for plot in diagnosis.plots] == [
        "Truth and forecasts at the start of the test part: OT",
        "Truth and forecasts at the start of the test part: HUFL",
        "Error of recursive forecasts by steps ahead",
    ]
    np.testing.assert_allclose(
        diagnosis.plots[1].lines["truth"],
        values[99 : 99 + len(diagnosis.plots[1].x), 0],
        rtol=1e-5,
    )


def test_a_column_of_several_is_read_and_scaled_as_it_is_alone(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.csv", csv_of(drawn(130))))
    together = build("forecasting", path=path, column="all", window=4, horizon=3)
    for k, name in enumerate(NAMES):
        alone = build("forecasting", path=path, column=name, window=4, horizon=3)
        np.testing.assert_array_equal(together.values[:, k], alone.values[:, 0])
        np.testing.assert_array_equal(
            together.in_unit(together.values[:, k], k), alone.in_unit(alone.values[:, 0], 0)
        )
        np.testing.assert_array_equal(
            together.splits().test.targets[:, k::3], alone.splits().test.targets
        )


def test_of_many_columns_ten_are_scored_and_three_plotted(tmp_path: Path) -> None:
    names = tuple(f"sensor {k}" for k in range(14))
    path = str(write(tmp_path, "a.csv", csv_of(drawn(120, 14), names)))
    task = build("forecasting", path=path, column="all", window=3)
    diagnosis = task.diagnose(lambda inputs, _: inputs[:, -1], task.splits().test)
    assert [name for name in diagnosis.scores if "sensor" in name] == [
        f"scaled mse, sensor {k}" for k in range(10)
    ]
    assert len(diagnosis.plots) == 4
    assert "linear regression on all inputs, direct" in task.simple_scores


def test_a_regression_on_too_many_inputs_is_left_out(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.csv", csv_of(drawn(3600))))
    task = build("forecasting", path=path, column="all", window=690)
    assert task.inputs.dim * task.length > 2048
    assert "linear regression on all inputs, direct" not in task.other_test_errors


def test_a_network_finds_columns_that_lead_each_other(tmp_path: Path) -> None:
    noise = np.random.Generator(np.random.PCG64(0)).standard_normal(500)
    content = csv_of(np.stack([noise[:-2], noise[1:-1]], axis=1), ("late", "early"))
    task = build("forecasting", path=str(write(tmp_path, "a.csv", content)), column="all", window=3)
    # the late column repeats the early one and is known; the early one is noise: half of the
    # variance remains
    assert task.simple_scores["linear regression on all inputs, direct"] == pytest.approx(
        0.5, abs=0.15
    )
    trained = train(task, Gated, steps=200, learning_rate=1e-2)
    scores = trained.diagnosis.scores
    assert scores["scaled mse, late"] < 0.1 < 0.6 < scores["scaled mse, early"]
    assert trained.score == pytest.approx(
        (scores["scaled mse, late"] + scores["scaled mse, early"]) / 2, rel=1e-4
    )
    assert "recursive mse" in scores


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("when,0,OT", ("0", "OT")),
        ("when,a,a", ("a (1)", "a (2)")),
        (",a b, c", ("a b", "c")),
        ("when,all,b", ("all",)),
        ("when,a|b,c", ("a|b", "c")),
        ("", ("column 1", "column 2")),
    ],
)
def test_which_columns_are_all(tmp_path: Path, header: str, names: tuple[str, ...]) -> None:
    rows = csv_of(drawn(100, 2)).split("\n", 1)[1]
    task = build(
        "forecasting",
        path=str(write(tmp_path, "a.csv", f"{header}\n{rows}")),
        column="all",
        window=3,
    )
    assert (task.names, len(task.values)) == (names, 100)


def test_a_name_may_contain_a_bar(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.csv", csv_of(drawn(150), ("a|b", "a", "b"))))
    assert build("forecasting", path=path, column="a|b").names == ("a|b",)
    assert build("forecasting", path=path, column="b|a").names == ("b", "a")
    assert build("forecasting", path=path, column="b | a", covariates="a|b").inputs.dim == 3


def changed(row: int, column: int, cell: str) -> str:
    lines = [line.split(",") for line in csv_of(drawn(120)).splitlines()]
    lines[row][column] = cell
    return "\n".join(map(",".join, lines))


def with_column(values: Any) -> str:
    return csv_of(np.column_stack([drawn(120, 2), values]))


FLAT_LATE = np.r_[np.arange(90) % 7, np.zeros(30)]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (changed(7, 2, ""), {"column": "all"}, r"line 8: a value is missing in column 'HULL'"),
        (changed(1, 2, ""), {"column": "all"}, r"line 2: a value is missing in column 'HULL'"),
        (
            changed(7, 3, "n/a"),
            {"column": "HUFL|OT"},
            r"line 8: 'n/a' is not a finite number in column 'OT'",
        ),
        (
            changed(7, 3, "nan"),
            {"column": "all"},
            r"line 8: 'nan' is not a finite number in column 'OT'",
        ),
        (
            changed(0, 0, "when"),
            {"column": "OT|when"},
            r"line 2: 'day 0' is not a finite number in column 'when'",
        ),
        (
            changed(0, 0, "when"),
            {"column": "OT|HULLL"},
            r"no column 'HULLL'. Did you mean 'HULL'\?",
        ),
        (
            changed(0, 0, "when"),
            {"column": "OT|HUFL|OT"},
            r"column=OT\|HUFL\|OT names 'OT' twice; name it once",
        ),
        (changed(0, 0, "when"), {"column": "OT|3"}, r"column=OT\|3 names '3' twice"),
        (changed(0, 0, "when"), {"column": "OT|"}, r"no column ''"),
        (
            changed(0, 0, "when"),
            {"column": "OT|HUFL", "covariates": "HULL|HUFL"},
            r"covariates=.* other columns .* 'HUFL' is one",
        ),
        (
            changed(0, 0, "when"),
            {"column": "all", "covariates": "all"},
            r"has no other column of numbers for covariates=all",
        ),
        ("when,what\na,b\nc,d\n", {"column": "all"}, r"has no column of numbers for column=all"),
        (
            with_column(np.full(120, 3)),
            {"column": "all"},
            r"'OT' is constant over its training part .* name the other columns",
        ),
        (
            with_column(np.arange(120)),
            {"column": "all"},
            r"column 'OT' counts its rows, as an index or a time does; name the",
        ),
        (with_column(np.arange(120)[::-1]), {"column": "all"}, r"column 'OT' counts its rows"),
        (
            with_column(np.where(np.arange(120) % 2, 1e300, -1e300)),
            {"column": "all"},
            r"'OT': the training part cannot be",
        ),
        (
            csv_of(np.stack([FLAT_LATE, FLAT_LATE], axis=1), ("a", "b")),
            {"column": "all"},
            r"constant over its test part",
        ),
        (
            csv_of(drawn(40)),
            {"column": "all", "horizon": 3},
            r"a.csv has 40 values, of which a part gets 8: too few",
        ),
    ],
)
def test_errors_name_the_column(
    tmp_path: Path, content: str, options: dict[str, object], message: str
) -> None:
    path = write(tmp_path, "a.csv", content)
    with pytest.raises(DataError, match=message) as caught:
        _ = build("forecasting", path=str(path), **options).splits()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_column_may_be_constant_over_the_test_part(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.csv", with_column(FLAT_LATE)))
    task = build("forecasting", path=path, column="all", window=3)
    assert 0 < task.solved <= task.baseline


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout")
def test_all_variables_of_ett_are_forecast() -> None:
    task = build(
        "forecasting",
        path=str(SHARED_DATA / "ett" / "ETTh1.csv"),
        column="all",
        window=96,
        horizon=24,
    )
    assert task.names == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    assert (task.inputs.dim, task.outputs.dim) == (7, 168)
    assert task.solved < task.baseline
