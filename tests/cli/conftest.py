"""Fixtures: a small real sweep, and a store of synthetic records."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.support.calling import Answer, spawn
from tests.support.factory import record, study

TINY = (
    *("run", "-t", "copy-memory[delay=2,symbols=2]", "-m", "rnn,lstm", "--seeds", "1"),
    *("--steps", "20", "--hidden-size", "4", "--validation-size", "20", "--test-size", "20"),
    *("--no-probes", "--accelerator", "cpu"),
)


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """The folder of a tiny sweep, and its output."""
    folder = tmp_path_factory.mktemp("swept")
    return folder, spawn(*TINY, "--no-report", cwd=folder)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in a temporary working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RNNBENCH_STORE", raising=False)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Path:
    """A store at the default path: two models with three seeds, and a failed trial."""
    path = folder / "rnnbench.db"
    failed = record(model="gru", seed=9, status=Status.FAILED, error="RuntimeError: \x1b[31mboom")
    with Store(path) as opened:
        for made in (
            *study(tasks=("copy-memory",), models=("lstm", "rnn"), seeds=3, points=3),
            failed,
        ):
            opened.add(
                made.spec,
                made.result,
                started_at=made.started_at,
                seconds=made.seconds,
                log="said \x1b[31mred\n",
            )
    return path
