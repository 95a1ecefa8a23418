"""The tables: their columns, types and files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.analysis.groups import latest
from rnnbench.analysis.tables import (
    COLUMNS,
    CURVE_COLUMNS,
    PROFILE_COLUMNS,
    curves,
    export,
    profiles,
    tidy,
)
from rnnbench.errors import OutputError, UsageError
from rnnbench.records.result import Status
from rnnbench.records.settings import Settings
from tests.support.factory import record, study

PROMISED = [
    "trial_id",
    "status",
    "task",
    "model",
    "model_options",
    "plugin",
    "plugin_version",
    "seed",
    "hidden_size",
    "steps",
    "score_name",
    "score",
    "skill",
    "solved",
    "steps_to_solve",
    "params_total",
    "params_core",
    "state_size",
    "matmul_flops_per_step",
    "train_step_ms",
    "infer_step_ms",
    "stream_step_ms",
    "train_speed_ratio",
    "grad_slope_init",
    "grad_half_life_init",
    "device",
    "threads",
    "torch_version",
    "error",
]


def test_every_setting_of_a_trial_is_a_column() -> None:
    settings = Settings(schedule="cosine[final=0.1]", clip_norm=None, clip_value=0.5, patience=3)
    row = tidy([record(settings=settings)]).iloc[0]
    for name, value in settings.model_dump().items():
        assert pd.isna(row[name]) if value is None else row[name] == value


def test_promised_columns_come_first_and_all_are_documented() -> None:
    frame = tidy(study(seeds=1))
    assert list(frame.columns)[: len(PROMISED)] == PROMISED
    assert list(frame.columns) == list(COLUMNS)
    assert list(curves(study(seeds=1)).columns) == list(CURVE_COLUMNS)
    assert list(profiles(study(seeds=1)).columns) == list(PROFILE_COLUMNS)
    assert all(
        text.strip()
        for table in (COLUMNS, CURVE_COLUMNS, PROFILE_COLUMNS)
        for text in table.values()
    )


def test_a_row_holds_what_the_record_says() -> None:
    given = record(
        0.9,
        model="gru",
        model_options={"num_layers": 2, "bias": False},
        seed=7,
        slope=-0.1,
        ratio=2.0,
        params=10_000,
    )
    row = tidy([given]).iloc[0]
    assert (row["trial_id"], row["status"], row["seed"]) == (given.trial_id, "done", 7)
    assert (row["model"], row["model_options"]) == ("gru", "bias=false,num_layers=2")
    assert row["skill"] == pytest.approx((0.9 - 0.125) / 0.875)
    assert (
        row["params_total"]
        == row["params_encoder"] + row["params_core"] + row["params_decoder"]
        == 10_000
    )
    assert row["train_step_ms"] == pytest.approx(2 * 3e-4 * 40 * 1e3), (
        "the task's own length comes first"
    )
    assert row["speed_length"] == 40
    assert row["stream_step_ms"] == pytest.approx(0.1)
    assert row["train_speed_ratio"] == 2.0
    assert row["grad_half_life_init"] == pytest.approx(math.log(2) / 0.1)
    assert row["grad_state_slope_trained"] == pytest.approx(-0.06)
    assert (row["influence_horizon"], row["influence_longest"]) == (39, 39)
    assert row["lyapunov_method"] == "finite-time singular values"
    assert row["score_direction"] == "higher"


def test_types_hold_when_everything_is_missing() -> None:
    bare = record(
        status=Status.CRASHED, error="worker died\nwith a second line", slope=None, ratio=None
    )
    assert (
        tidy([bare]).dtypes.to_dict()
        == tidy(study(seeds=1)).dtypes.to_dict()
        == tidy([]).dtypes.to_dict()
    )
    assert tidy([bare]).iloc[0]["error"] == "worker died with a second line"
    assert curves([bare]).empty
    assert profiles([bare]).dtypes.to_dict() == profiles(study(seeds=1)).dtypes.to_dict()


def test_the_last_attempt_of_a_trial_counts() -> None:
    first, second = record(status=Status.TIMEOUT), record(0.8, attempt=2)
    assert latest([second, first]) == [second]
    assert tidy([first, second])["status"].tolist() == ["done"]


def test_long_tables_hold_every_point() -> None:
    records = study(tasks=["copy-memory"], models=["lstm", "bilstm"], seeds=2, points=10)
    assert len(curves(records)) == 4 * 10
    # four gradient profiles per trial; one influence profile of lstm, two of bilstm
    assert len(profiles(records)) == 4 * 4 * 40 + 2 * 3 * 40
    assert set(profiles(records)["direction"]) == {"past", "future"}


def test_parquet_gives_back_the_table(tmp_path: Path) -> None:
    frame = tidy([*study(seeds=1), record(status=Status.FAILED, seed=9)])
    export(frame, tmp_path / "results.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "results.parquet"), frame, check_dtype=False
    )


def test_csv_gives_back_the_numbers(tmp_path: Path) -> None:
    frame = tidy(study(seeds=2))
    export(frame, tmp_path / "results.csv")
    back = pd.read_csv(tmp_path / "results.csv")
    assert back["score"].tolist() == frame["score"].tolist()
    assert back["steps_to_solve"].isna().tolist() == frame["steps_to_solve"].isna().tolist()


def test_json_lines_are_strict_json(tmp_path: Path) -> None:
    export(
        tidy([record(slope=0.0, seed=3), record(status=Status.OOM, seed=4)]),
        tmp_path / "results.jsonl",
    )

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    rows = [
        json.loads(line, parse_constant=refuse)
        for line in (tmp_path / "results.jsonl").read_text().splitlines()
    ]
    assert [row["seed"] for row in rows] == [3, 4]
    assert rows[0]["grad_half_life_init"] == "Infinity"
    assert rows[1]["score"] is None


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_cells_cannot_become_formulas(tmp_path: Path, start: str) -> None:
    given = record(-0.5, status=Status.FAILED, error=f"{start}cmd|' /C calc'!A0")
    export(tidy([given, record(-0.5, seed=1)]), tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["error"] == f"'{start}cmd|' /C calc'!A0"
    assert rows[1]["score"] == "-0.5", "numbers are left alone"
    export(tidy([given]), tmp_path / "results.parquet")
    assert pd.read_parquet(tmp_path / "results.parquet")["error"].iloc[0].startswith(start), (
        "only CSV is read by spreadsheets"
    )


def test_a_wrong_suffix_says_which_are_right(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.jsonl, \.parquet"):
        export(tidy([]), tmp_path / "results.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    for path in (
        tmp_path / "missing" / "results.csv",
        tmp_path / "folder.csv",
        tmp_path / "file" / "results.csv",
    ):
        with pytest.raises(OutputError) as caught:
            export(tidy([]), path)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.csv"], (
        "nothing half-written"
    )


def test_the_documentation_lists_every_column_as_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    for columns in (COLUMNS, CURVE_COLUMNS, PROFILE_COLUMNS):
        missing = [name for name, text in columns.items() if f"| `{name}` | {text} |" not in page]
        assert missing == []
