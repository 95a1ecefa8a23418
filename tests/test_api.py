"""The Python API does what the command line does."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rnnbench
from rnnbench.analysis.columns import COLUMNS
from rnnbench.errors import RnnbenchError
from rnnbench.execution.lock import FOLDER_VARIABLE
from rnnbench.execution.options import RunOptions
from rnnbench.records.result import Status
from rnnbench.records.store import Store

SMALL: dict[str, Any] = {
    "steps": 4,
    "batch_size": 4,
    "validation_size": 8,
    "test_size": 8,
    "hidden_size": 4,
}

SCRIPT = f"""
import rnnbench
task = "copy-memory[delay=2,symbols=2]"
given = dict(probes=False, progress=False, **{SMALL!r})
rows = rnnbench.run(task, "rnn,lstm", seeds=2, **given)
again = rnnbench.run(task, "rnn", seeds=1, **given)
assert list(rows.status) == ["done"] * 4, rows.status
assert sorted(rows.model) == ["lstm", "lstm", "rnn", "rnn"]
assert list(again.trial_id) == list(rows[(rows.model == "rnn") & (rows.seed == 0)].trial_id)
print("ran as a script without a guard")
"""


def test_a_script_without_a_main_guard_gets_a_frame_and_runs_nothing_twice(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["ran as a script without a guard"]
    assert done.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "script.py") == [
        "rnnbench.db",
        "rnnbench.db.weights",
    ]


def test_all_four_axes_come_back_in_one_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    rows = rnnbench.run(
        ["copy-memory[delay=8,symbols=2]"],
        ["gru"],
        seeds=[3],
        store=tmp_path / "x.db",
        jobs=1,
        accelerator="cpu",
        **SMALL,
    )
    row = rows.iloc[0]
    assert set(rows.columns) >= set(COLUMNS)
    assert (row.status, row.seed, row.hidden_size, row.steps, row.device, row.threads) == (
        "done",
        3,
        4,
        4,
        "cpu",
        1,
    )
    assert 0 <= row.score <= 1
    assert row.params_core == 3 * (4 * 4 + 4 * 4 + 2 * 4)
    assert row.state_size == 4
    assert row.train_step_ms > 0
    assert row.stream_step_ms > 0
    assert row.train_speed_ratio > 0
    assert row.grad_slope_init < 0
    assert row.command == (
        "rnnbench.run(['copy-memory[delay=8,symbols=2]'], ['gru'], seeds=[3], hidden_size=4, "
        "steps=4, batch_size=4, validation_size=8, test_size=8)"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"tasks": "copy-memry"}, "Did you mean 'copy-memory'"),
        ({"tasks": "copy-memory", "models": "lstmm"}, "Did you mean 'lstm'"),
        ({"tasks": "copy-memory", "retry": ["sometimes"]}, "is not a status"),
        ({"tasks": "copy-memory", "stepps": 3}, "Did you mean 'steps'"),
        ({"tasks": "copy-memory", "logger": "csv"}, "Did you mean 'loggers'"),
        ({"tasks": "copy-memory", "retry": 3}, "retry=3"),
        ({"tasks": "copy-memory", "seeds": []}, "at least one seed"),
        ({}, "no task"),
        ({"suite": "memry"}, "Did you mean 'memory'"),
        ({"tasks": "copy-memory", "timeout": "soon"}, "timeout"),
        ({"tasks": "copy-memory", "report": "precious"}, "not an rnnbench report"),
    ],
)
def test_mistakes_are_refused_in_one_line_before_anything_runs(
    words: dict[str, Any], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "work.txt").write_text("precious")
    with pytest.raises(RnnbenchError) as raised:
        rnnbench.run(**words)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_everything_that_the_command_line_can_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "tasks: ['copy-memory[delay=2,symbols=2]']\nmodels: [rnn]\nseeds: 2\n"
    )
    words: dict[str, Any] = {**SMALL, "suite": "mine.yaml", "progress": False}
    assert list(rnnbench.run(**words, dry_run=True).status) == ["to run", "to run"]
    assert not (tmp_path / "rnnbench.db").exists()
    rows = rnnbench.run(
        **words,
        seeds=1,
        jobs=1,
        threads=2,
        accelerator="cpu",
        timeout="10m",
        memory="64GiB",
        max_time=600,
        retry="all",
        fail_fast=True,
        circuit_breaker=False,
        cuda_graphs=False,
        probes=False,
        loggers=["csv"],
        report="report",
    )
    assert [(row.status, row.threads, row.steps) for row in rows.itertuples()] == [("done", 2, 4)]
    assert rows.command[0] == (
        "rnnbench.run(suite='mine.yaml', seeds=1, hidden_size=4, steps=4, batch_size=4, "
        "validation_size=8, test_size=8)"
    )
    assert (tmp_path / "report" / "index.html").is_file()
    assert list((tmp_path / "rnnbench.db.logs").rglob("metrics.csv"))
    assert list(rnnbench.run(**words, dry_run=True).status) == ["done", "to run"]


def test_run_has_a_keyword_for_every_option_of_a_run() -> None:
    keywords = set(inspect.signature(rnnbench.run).parameters)
    assert set(RunOptions.model_fields) - {"command"} <= keywords


def test_a_mistake_in_the_data_is_found_before_anything_runs(tmp_path: Path) -> None:
    table = tmp_path / "bad.csv"
    table.write_text("a\n1\n2\nthree\n4\n")
    with pytest.raises(RnnbenchError, match=r"bad\.csv"):
        rnnbench.run(
            f"forecasting[path={table},column=a]", "rnn", store=tmp_path / "x.db", progress=False
        )
    with pytest.raises(RnnbenchError, match="proj_size"):
        rnnbench.run(
            "copy-memory",
            "lstm[proj_size=64]",
            hidden_size=64,
            store=tmp_path / "x.db",
            progress=False,
        )


def test_an_interrupted_script_goes_no_further_and_its_store_is_valid(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import rnnbench\n"
        "task = 'copy-memory[delay=2,symbols=2]'\n"
        "rnnbench.run(task, 'rnn', seeds=1, probes=False, steps=1000000)\n"
        "print('went on')\n"
    )
    process = subprocess.Popen(
        [sys.executable, script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "1 trial" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert process.returncode != 0
    assert "went on" not in output
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    with Store(tmp_path / "rnnbench.db", must_exist=True) as store:
        assert all(record.result.status is Status.INTERRUPTED for record in store.records())
