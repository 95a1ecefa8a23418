"""The lock between runs on one machine, held by real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench.errors import OutputError
from rnnbench.execution.lock import FOLDER_VARIABLE, MachineLock

SCRIPT = """
import contextlib, sys
from rnnbench.execution.lock import MachineLock
lock, stack = MachineLock(), contextlib.ExitStack()
for line in sys.stdin:
    word = line.strip()
    if word == "queue":
        acquired = stack.enter_context(lock.exclusive())
        print("queued", flush=True)
    elif word == "acquired":
        print(acquired(), flush=True)
    elif word == "done":
        print(stack.close(), flush=True)
    else:
        print(getattr(lock, word)(), flush=True)
"""


class Run:
    """Another run on this machine, driven by words on its standard input."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Run]]:
    """Three runs that share a machine."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    started = [Run() for _ in range(3)]
    yield started
    for run in started:
        run.kill()


def test_trials_share_and_the_speed_pass_is_alone(runs: list[Run]) -> None:
    first, second, third = runs
    assert [first("shared"), second("shared")] == ["True", "True"]
    first("queue")
    assert first("acquired") == "False", "the second still runs a trial"
    assert second("shared") == "False", "no new trial may keep the first waiting"
    assert third("shared") == "False"
    second("release")
    assert first("acquired") == "True"
    assert [second("shared"), third("shared")] == ["False", "False"]
    second("queue")
    assert second("acquired") == "False"
    first("done")
    assert first("shared") == "True", "the second is not in the queue yet"
    assert second("acquired") == "False"
    assert first("shared") == "False", "now it is"
    first("release")
    assert second("acquired") == "True"
    second("done")
    assert [run("shared") for run in runs] == ["True"] * 3


def test_the_lock_dies_with_its_holder(runs: list[Run]) -> None:
    first, second, third = runs
    first("queue")
    assert first("acquired") == "True"
    assert second("shared") == "False"
    first.kill()
    assert second("shared") == "True"
    third("queue")
    assert third("acquired") == "False"
    second.kill()
    assert third("acquired") == "True"


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "locks"))
    with pytest.raises(OutputError, match=FOLDER_VARIABLE):
        MachineLock()
