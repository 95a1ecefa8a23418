"""The Python API does what the command line does."""

from __future__ import annotations

import inspect
import io
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnbench
from rnnbench.analysis.columns import COLUMNS
from rnnbench.errors import RnnbenchError, StoreError, UsageError
from rnnbench.execution.lock import FOLDER_VARIABLE
from rnnbench.execution.options import RunOptions
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.support.factory import record, study

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
        f"store={str(tmp_path / 'x.db')!r}, jobs=1, accelerator='cpu', "
        "steps=4, batch_size=4, validation_size=8, test_size=8)"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"tasks": "copy-memry"}, "Did you mean 'copy-memory'"),
        ({"tasks": "copy-memory", "models": "lstmm"}, "Did you mean 'lstm'"),
        ({"tasks": "copy-memory", "retry": ["sometimes"]}, "is not a status"),
        ({"tasks": "copy-memory", "stepps": 3}, "Did you mean 'steps'"),
        ({"tasks": "copy-memory", "logger": "csv"}, "Give loggers='csv'."),
        ({"tasks": "copy-memory", "seed": 42}, "Give seeds=[42]."),
        ({"tasks": "copy-memory", "device": "cuda"}, "Give accelerator='gpu'."),
        ({"tasks": "copy-memory", "lr": 0.1}, "Give learning_rate=0.1."),
        ({"tasks": "copy-memory", "epochs": 3}, "Give steps=1000."),
        ({"tasks": "copy-memory", "resume": True}, "A run continues by itself"),
        ({"tasks": "copy-memory", "models": "torch.nn.LSTM"}, "Did you mean 'lstm'"),
        ({"tasks": "copy-memory", "retry": 3}, "retry=3"),
        ({"tasks": "copy-memory", "seeds": []}, "at least one seed"),
        ({"tasks": "copy-memory", "match": ""}, "params=50k"),
        ({"tasks": "copy-memory", "match": 5000}, "params=50k"),
        ({"suite": "memory", "match": ""}, "params=50k"),
        ({"tasks": "copy-memory", "vary": 3}, "vary=3 is not a text"),
        ({"tasks": "copy-memory", "tune": {"learning_rate": (1e-3, 1e-2)}}, "tune={"),
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
        "rnnbench.run(suite='mine.yaml', seeds=1, hidden_size=4, report='report', jobs=1, "
        "threads=2, accelerator='cpu', timeout='10m', memory='64GiB', cuda_graphs=False, "
        "max_time=600, retry='all', fail_fast=True, circuit_breaker=False, probes=False, "
        "loggers=['csv'], progress=False, steps=4, batch_size=4, validation_size=8, test_size=8)"
    )
    called = eval(rows.command[0].removesuffix(")") + ", dry_run=True)", {"rnnbench": rnnbench})
    assert list(called.trial_id) == list(rows.trial_id)
    assert (tmp_path / "report" / "index.html").is_file()
    assert list((tmp_path / "rnnbench.db.logs").rglob("metrics.csv"))
    assert list(rnnbench.run(**words, dry_run=True).status) == ["done", "to run"]


def test_the_stored_call_is_python_whatever_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    rows = rnnbench.run(
        ("copy-memory[delay=2,symbols=2]",),
        "rnn",
        seeds=np.array([3]),  # type: ignore[arg-type]
        store=tmp_path / "x.db",
        probes=False,
        progress=False,
        accelerator="cpu",
        **SMALL,
    )
    called = eval(rows.command[0].removesuffix(")") + ", dry_run=True)", {"rnnbench": rnnbench})
    assert list(called.status) == ["done"]
    assert "seeds=[3]" in rows.command[0]
    assert "probes=False" in rows.command[0]
    assert "timeout" not in rows.command[0]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_progress_is_printed_in_any_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(RnnbenchError):
        rnnbench.run("copy-memory", "rnn", steps=0, store=tmp_path / "é.db")
    assert stream.errors == "strict"
    rows = rnnbench.run(
        "copy-memory[delay=2,symbols=2]",
        "rnn",
        seeds=1,
        store=tmp_path / "é.db",
        probes=False,
        accelerator="cpu",
        **SMALL,
    )
    assert list(rows.status) == ["done"]
    assert stream.errors == "strict"
    stream.flush()
    separator = "-" if encoding == "ascii" else "·"
    assert f"copy-memory[delay=2,symbols=2] {separator} rnn H=4" in raw.getvalue().decode(encoding)


def test_a_store_is_read_and_reported_by_public_functions(tmp_path: Path) -> None:
    store = tmp_path / "x.db"
    with Store(store) as opened:
        for made in study(tasks=("copy-memory",), models=("lstm", "rnn"), seeds=3, points=3):
            opened.add(made.spec, made.result, started_at=made.started_at, seconds=1.0)
    records = rnnbench.read_records(store)
    assert len(records) == 6
    assert all(isinstance(each, rnnbench.Record) for each in records)
    lstm = [each for each in records if each.spec.model.name == "lstm"]
    assert len(rnnbench.results(store)) == 6
    assert list(rnnbench.results(lstm).columns) == list(COLUMNS)
    assert set(rnnbench.results(lstm).model) == {"lstm"}
    assert len(rnnbench.results(str(store), "curves")) == 6 * 3
    assert {"lag", "value"} <= set(rnnbench.results(store, "profiles").columns)
    page = rnnbench.write_report(lstm, tmp_path / "report", title="One model")
    assert page == tmp_path / "report" / "index.html"
    assert "One model" in page.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="Did you mean 'curves'"):
        rnnbench.results(store, "curve")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="no such store"):
        rnnbench.read_records(tmp_path / "absent.db")


def test_the_attempts_before_the_last_are_read_too(tmp_path: Path) -> None:
    made = record(seed=0)
    with Store(tmp_path / "x.db") as opened:
        for _ in range(2):
            opened.add(made.spec, made.result, started_at="", seconds=1.0)
    assert [each.attempt for each in rnnbench.read_records(tmp_path / "x.db")] == [2]
    every = rnnbench.read_records(tmp_path / "x.db", every_attempt=True)
    assert [each.attempt for each in every] == [1, 2]


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = record(seed=0)
    with Store(tmp_path / "x.db") as opened:
        opened.add(made.spec, made.result, started_at="", seconds=1.0)
    assert len(rnnbench.read_records("~/x.db")) == 1


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


def test_the_example_of_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "report.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    with Store("rnnbench.db") as opened:
        for made in study(tasks=("copy-memory",), models=("lstm", "rnn"), seeds=1, points=3):
            opened.add(made.spec, made.result, started_at="", seconds=1.0)
    names: dict[str, Any] = {}
    exec(example, names)
    assert (len(names["trials"]), len(names["curves"]), len(names["lstm"])) == (2, 6, 1)
    assert {"my-report", "lstm-report", "results.parquet"} <= {
        each.name for each in tmp_path.iterdir()
    }
