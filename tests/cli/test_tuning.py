"""Tuning from the command line and from Python: plans, refusals, and commands that read tries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rnnbench
from rnnbench.errors import UsageError
from rnnbench.execution.lock import FOLDER_VARIABLE
from rnnbench.records.store import Store
from tests.support.calling import call
from tests.support.factory import record
from tests.support.tries import try_record

TASK = "copy-memory[delay=2,symbols=2]"
DRY = ("run", "--dry-run", "-t", TASK, "-m", "lstm,gru", "--seeds", "2")
RATES = ("--tune", "learning_rate=1e-4..1e-2")


def test_a_dry_run_lists_the_tries_and_what_follows(folder: Path) -> None:
    answer = call(*DRY, *RATES, "--tune", "optimizer=adam|sgd", "--tune-trials", "3")
    assert answer.code == 0
    lines = answer.out.splitlines()
    tries = [line for line in lines if " try " in line]
    assert len(tries) == 6
    values = [line.split(": ", 1)[1] for line in tries]
    assert values[:3] == values[3:]
    assert all("learning_rate=" in text and "optimizer=" in text for text in values)
    assert sum(" seed " in line for line in lines) == 4
    assert "10 trials, 0 stored." in lines
    assert "Up to 4 trials" in lines[-1]
    assert list(folder.iterdir()) == []


def test_a_dry_run_tells_what_a_sampler_chooses_later() -> None:
    out = call(*DRY, *RATES, "--tune-trials", "4", "--tune-sampler", "tpe").out
    assert "8 further tries" in out


@pytest.mark.parametrize(
    ("words", "token"),
    [
        (("--tune-trials", "3"), "--tune"),
        ((*RATES, "--learning-rate", "0.1"), "learning_rate=0.1"),
        ((*RATES, "--tune-trials", "0"), "--tune-trials"),
        (("--tune", "learning_rate=1e-2..1e-4"), "inverted"),
        (("--tune", "chrono=10|20"), "model 'gru'"),
        ((*RATES, "--tune-sampler", "tep"), "tpe"),
        (("--tune", "steps=10..20"), "budget"),
        (("--seed", "2147483647"), "never reported"),
    ],
)
def test_a_wrong_search_is_refused_in_one_line(
    folder: Path, words: tuple[str, ...], token: str
) -> None:
    for command in (DRY, tuple(word for word in DRY if word != "--dry-run")):
        base = command[:-2] if "--seed" in words else command
        answer = call(*base, *words)
        assert answer.code == 2
        assert token in answer.complaint
    assert not (folder / "rnnbench.db").exists()


SMALL: dict[str, Any] = {
    "steps": 4,
    "batch_size": 4,
    "validation_size": 8,
    "test_size": 8,
    "hidden_size": 4,
}


def test_python_gets_reported_trials_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "locks"))
    asked: dict[str, Any] = {
        "seeds": 1,
        "tune": "learning_rate=1e-3..1e-1",
        "tune_trials": 2,
        "probes": False,
        "progress": False,
        "contract_checks": False,
        **SMALL,
    }
    rows = rnnbench.run(TASK, "rnn", **asked, report="report")
    assert list(rows.status) == ["done"] * 2
    assert len(set(rows.learning_rate)) == 2
    tries = rnnbench.read_tries("rnnbench.db")
    assert len(tries) == 2
    assert not set(rows.trial_id) & {each.trial_id for each in tries}
    plan = rnnbench.run(TASK, "rnn", **asked, dry_run=True)
    assert list(plan.status) == ["done"] * 3
    assert sorted(plan["try"].dropna()) == [0, 1]
    with pytest.raises(UsageError, match="learning_rate"):
        rnnbench.run(TASK, "rnn", **asked, learning_rate=0.1)
    with Store("rnnbench.db") as store:
        assert len(store.records(purpose="all")) == 4


@pytest.fixture
def tried(folder: Path) -> str:
    """The id of a try in a store at the default path, beside two reported trials."""
    made = try_record(1, 0.5, values={"learning_rate": 0.003})
    with Store(folder / "rnnbench.db") as store:
        for each in (record(seed=0), record(seed=1), made):
            store.add(each.spec, each.result, started_at=each.started_at, seconds=1.0)
    return made.trial_id


def test_show_describes_a_try(tried: str) -> None:
    out = call("show", tried).out
    assert "try       1 of study study: learning_rate=0.003" in out
    assert "learning_rate=0.0001..0.01" in out
    assert "validation accuracy 0.5" in out


def test_readers_count_no_tries(tried: str) -> None:
    assert call("export", "out.csv").out == "2 rows: out.csv\n"
    assert tried not in Path("out.csv").read_text("utf-8")
    assert "3 attempts, all readable" in call("doctor").out


def test_a_try_generates_nothing(tried: str) -> None:
    assert "keeps no weights" in call("generate", tried, "--prompt", "the ").complaint


def test_optuna_is_not_loaded_where_nothing_is_tuned() -> None:
    code = (
        "import sys, rnnbench.cli.main, rnnbench.execution.run, rnnbench.execution.sweep, "
        "rnnbench.execution.jobs.trial, rnnbench.analysis.tuning.studies, rnnbench.plan.tuning, "
        "rnnbench.report.write; assert 'optuna' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
