"""Forecasting a column of a file: windows, scaling by the training part, baselines, bad data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import build, write


def numbers(n: int, seed: int = 0) -> np.ndarray:
    """A random walk with a rhythm of 7."""
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal(n)
    return 10 + 3 * np.sin(2 * np.pi * np.arange(n) / 7) + 0.1 * np.cumsum(drawn)


def csv_of(values: np.ndarray) -> str:
    return "when,value\n" + "".join(
        f"day {row},{value!r}\n" for row, value in enumerate(values.tolist())
    )


@given(n=st.integers(80, 200), window=st.integers(2, 12), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_windows_follow_the_definition_scaled_by_the_training_part(
    tmp_path_factory: pytest.TempPathFactory, n: int, window: int, seed: int
) -> None:
    values = numbers(n, seed)
    path = write(tmp_path_factory.mktemp("series"), "series.csv", csv_of(values))
    task = build("forecasting", path=str(path), column="value", window=window)
    first, second = round(0.6 * n), round(0.8 * n)
    scaled = ((values - values[:first].mean()) / values[:first].std()).astype(np.float32)
    parts = task.splits()
    batches = (parts.train, parts.validation, parts.test)
    for batch, start, end in zip(batches, (0, first, second), (first, second, n), strict=True):
        naive = [(scaled[i : i + window], scaled[i + window]) for i in range(start, end - window)]
        np.testing.assert_allclose(
            batch.inputs[..., 0].numpy(),
            np.array([seen for seen, _ in naive]),
            rtol=1e-4,
            atol=1e-5,
        )
        np.testing.assert_allclose(
            batch.targets[:, 0].numpy(), np.array([to for _, to in naive]), rtol=1e-4, atol=1e-5
        )


def test_later_values_change_neither_scale_nor_training_windows(tmp_path: Path) -> None:
    values = numbers(200)
    other = np.concatenate([values[:120], values[120:] * 1000 - 7])
    tasks = [
        build(
            "forecasting", path=str(write(tmp_path, f"{name}.csv", csv_of(series))), column="value"
        )
        for name, series in {"a": values, "b": other}.items()
    ]
    first, second = (task.scaling for task in tasks)
    assert (first.location.tolist(), first.scale.tolist()) == (
        second.location.tolist(),
        second.scale.tolist(),
    )
    np.testing.assert_array_equal(*(task.splits().train.inputs.numpy() for task in tasks))
    for predictor in ("AR(2)", "linear regression on the window"):
        first, second = (task.predictors[0][predictor].weights for task in tasks)
        np.testing.assert_array_equal(first, second)


def test_baselines_are_the_test_errors_of_their_rules(tmp_path: Path) -> None:
    values = numbers(200)
    task = build(
        "forecasting",
        path=str(write(tmp_path, "a.csv", csv_of(values))),
        column="value",
        window=5,
        season=7,
    )
    scaled = (values - values[:120].mean()) / values[:120].std()
    times = range(160 + 5, 200)
    design = np.array([[scaled[t - 2], scaled[t - 1], 1.0] for t in range(2, 120)])
    weights = np.linalg.solve(design.T @ design, design.T @ scaled[2:120])
    naive = {
        "persistence": np.mean([(scaled[t] - scaled[t - 1]) ** 2 for t in times]),
        "mean": np.mean([scaled[t] ** 2 for t in times]),
        "seasonal naive": np.mean([(scaled[t] - scaled[t - 7]) ** 2 for t in times]),
        "AR(2)": np.mean(
            [
                (scaled[t] - np.array([scaled[t - 2], scaled[t - 1], 1.0]) @ weights) ** 2
                for t in times
            ]
        ),
    }
    scores = task.simple_scores
    for name, error in naive.items():
        assert scores[name] == pytest.approx(error, rel=1e-9), name
    assert task.baseline == pytest.approx(min(naive["persistence"], naive["mean"]))
    assert task.perfect == 0
    assert task.solved == min(scores.values())
    assert task.metric.name == "scaled mse"


def test_a_linear_recurrence_is_found_exactly(tmp_path: Path) -> None:
    series = [1.0, 0.5]
    for _ in range(98):
        series.append(1.6 * series[-1] - series[-2] + 0.3)
    task = build(
        "forecasting", path=str(write(tmp_path, "a.csv", "\n".join(map(repr, series)))), window=4
    )
    assert task.simple_scores["AR(2)"] < 1e-20
    assert task.predictors[0]["AR(2)"].weights == pytest.approx([-1, 1.6])
    assert task.solved == 1e-6, "a smaller error cannot be distinguished in float32"


def test_plots_are_in_the_unit_of_the_file(tmp_path: Path) -> None:
    values = numbers(200)
    task = build(
        "forecasting",
        path=str(write(tmp_path, "a.csv", csv_of(values))),
        column="value",
        rollout=10,
    )
    forecasts = task.diagnose(lambda inputs, _lengths: inputs[:, -1], task.splits().test).plots[0]
    assert forecasts.y_label == "value"
    assert forecasts.x[0] == 180
    np.testing.assert_allclose(forecasts.lines["truth"], values[180:190], rtol=1e-5)
    np.testing.assert_allclose(forecasts.lines["model, one step ahead"], values[179:189], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", "{numbers}", {}),
        ("a.csv", "x\n{numbers}", {}),
        ("a.csv", "\ufeffx\n{numbers}\n\n", {"column": "x"}),
        ("a.txt", "{numbers}", {"column": "0", "header": "false"}),
        ("a.data", "x\n{numbers}", {"format": "csv", "header": "true"}),
        ("a.jsonl", "{objects}", {"column": "x"}),
        ("a.CSV", "{numbers}", {"column": "0"}),
    ],
)
def test_every_way_to_write_a_series_reads_the_same(
    tmp_path: Path, name: str, content: str, options: dict[str, str]
) -> None:
    values = numbers(150).tolist()
    lines = "\n".join(map(repr, values))
    objects = "\n".join(f'{{"x": {value!r}, "y": "z"}}' for value in values)
    path = write(tmp_path, name, content.replace("{numbers}", lines).replace("{objects}", objects))
    task = build("forecasting", path=str(path), **options)
    np.testing.assert_allclose(task.in_unit(task.values[:, 0], 0), values, rtol=1e-12)


def test_quoted_headers_and_cells_are_read(tmp_path: Path) -> None:
    rows = "".join(
        f'"1949-{row:02d}","{value!r}"\n' for row, value in enumerate(numbers(150).tolist())
    )
    task = build(
        "forecasting",
        path=str(write(tmp_path, "a.csv", '"Month","Passengers, all"\n' + rows)),
        column="Passengers, all",
    )
    assert len(task.values) == 150
    assert task.names == ("Passengers, all",)


LONG = "\n".join(map(repr, numbers(150).tolist()))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (f"x\n{LONG}\noops\n", {"column": "x"}, r"line 152: 'oops' is not a finite number"),
        (f"x\n{LONG}\nnan\n", {"column": "x"}, r"line 152: 'nan' is not a finite number"),
        (f"x\n{LONG}\ninf\n", {"column": "x"}, r"line 152: 'inf' is not a finite number"),
        ("x,y\n1,2\n3,\n", {"column": "y"}, r"line 3: a value is missing"),
        ("x,y\n1,2\n\n3\n", {"column": "y"}, r"line 4: 1 column where the first row has 2"),
        ("x,y\n1,2\n3,4,5\n", {"column": "y"}, r"line 3: 3 columns where the first row has 2"),
        ('x,y\n1,2\n3,"4"5\n', {"column": "y"}, r"line 3: malformed"),
        ('x,y\n1,2\n3,"4\n', {"column": "y"}, r"line 3: malformed"),
        (
            "date,value\n1,2\n",
            {"column": "vlaue"},
            r"no column 'vlaue'. Did you mean 'value'\? Its columns: date, value",
        ),
        (
            "date,value\n1,2\n",
            {},
            r"has 2 columns; choose one with column=NAME, .* They are: date, value",
        ),
        ("1,2\n1,2\n", {}, r"has 2 columns; choose one with column=NAME, .* They are: 0, 1"),
        (
            "1,2\n1,2\n",
            {"column": "5"},
            r"no column '5': it is read without a header, so its columns are 0 to 1",
        ),
        ("x,x\n1,2\n", {"column": "x"}, r"two columns called 'x'"),
        ("", {}, r"is empty"),
        ("\n\n", {}, r"is empty"),
        ("x\n", {"column": "x"}, r"a header but no rows"),
        ("1\n2\n3\n4\n", {}, r"has 4 values, of which a part gets 1: too few for window=20"),
        ("\n".join(["3"] * 100 + ["1", "2"] * 30), {}, r"constant over its training part"),
        ("\n".join(["1", "2"] * 60 + ["3"] * 60), {}, r"constant over its test part"),
        (LONG, {"season": 90}, r"season=90 is no shorter than the training part of 90"),
        ("\n".join(["1e300", "-1e300"] * 75), {}, r"cannot be scaled"),
        (b"x\n1\n\xff\xfe\n", {}, r"line 3: not UTF-8 text"),
    ],
)
def test_errors_in_data_name_file_and_line(
    tmp_path: Path, content: str | bytes, options: dict[str, object], message: str
) -> None:
    path = write(tmp_path, "bad.csv", content)
    with pytest.raises(DataError, match=message) as caught:
        _ = build("forecasting", path=str(path), **options).values
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"x": 1}\n{"x": 2\n', "line 2: malformed JSON"),
        ('{"x": 1}\n[2]\n', "line 2: not a JSON object"),
        ('{"x": 1}\n{"y": 2}\n', "line 2: 'x' is missing or null"),
        ('{"x": 1}\n{"x": null}\n', "line 2: 'x' is missing or null"),
        ('{"x": 1}\n{"x": "a"}\n', "line 2: 'a' is not a finite number"),
    ],
)
def test_errors_in_json_lines_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _ = build("forecasting", path=str(write(tmp_path, "bad.jsonl", content)), column="x").values


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        _ = build("forecasting", path=str(tmp_path / "none.csv")).values
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        _ = build("forecasting", path=str(tmp_path / "folder.csv")).values
    with pytest.raises(DataError, match=r"not a readable Parquet file"):
        _ = build("forecasting", path=str(write(tmp_path, "a.parquet", "1\n2"))).values
    with pytest.raises(DataError, match=r"\.csv, \.tsv, .*, \.parquet are read.* add format=csv"):
        _ = build("forecasting", path=str(write(tmp_path, "a.xlsx", "1\n2"))).values


def test_invalid_options_are_refused() -> None:
    with pytest.raises(OptionError, match=r"forecasting\[path=FILE.csv,column=NAME\]"):
        build("forecasting")
    with pytest.raises(ValueError, match="leave nothing for the test"):
        build("forecasting", path="a.csv", train=0.5, validation=0.5)


def test_building_reads_nothing() -> None:
    assert build("forecasting", path="no such file.csv").window == 20
