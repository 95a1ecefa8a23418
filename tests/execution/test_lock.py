"""The lock between runs on one machine, held by real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench.execution.lock import FOLDER_VARIABLE, Machine

SCRIPT = """
import contextlib, sys
from rnnbench.execution.lock import Machine
machine, stack, alone = Machine(), contextlib.ExitStack(), None
for line in sys.stdin:
    word = line.strip()
    if word == "queue":
        alone, said = stack.enter_context(machine.waiting_alone()), "queued"
    elif word == "ready":
        said = alone.ready()
    elif word == "done":
        said = stack.close()
    else:
        said = getattr(machine, word)()
    print(said, flush=True)
"""


class Run:
    """Another run on this machine, which does as it is told."""

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
    assert [first("enter"), second("enter")] == ["True", "True"]
    first("queue")
    assert first("ready") == "False", "the second still runs a trial"
    assert second("enter") == "False", "no new trial may keep the first waiting"
    assert third("enter") == "False"
    second("leave")
    assert first("ready") == "True"
    assert [second("enter"), third("enter")] == ["False", "False"]
    second("queue")
    assert second("ready") == "False"
    first("done")
    assert first("enter") == "True", "the second had not reached the turnstile yet"
    assert second("ready") == "False"
    assert first("enter") == "False", "now it has"
    first("leave")
    assert second("ready") == "True"
    second("done")
    assert [run("enter") for run in runs] == ["True"] * 3


def test_the_lock_dies_with_its_holder(runs: list[Run]) -> None:
    first, second, third = runs
    first("queue")
    assert first("ready") == "True"
    assert second("enter") == "False"
    first.kill()
    assert second("enter") == "True"
    third("queue")
    assert third("ready") == "False"
    second.kill()
    assert third("ready") == "True"


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "locks"))
    with pytest.raises(Exception, match=f"Set {FOLDER_VARIABLE} to a folder that can be written"):
        Machine()
