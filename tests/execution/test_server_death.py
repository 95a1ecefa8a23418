"""The process that trials are forked from may die as well."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rnnbench.errors import RnnbenchError
from rnnbench.execution.isolation import Outcome, Processes
from rnnbench.execution.jobs.messages import PreflightJob
from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.support.command import MARK, marked, wait_until
from tests.support.servers import fork_servers
from tests.support.views import SilentView

EMPTY = PreflightJob(specs=())
OWN = "server-death"


def finish(processes: Processes) -> list[Outcome]:
    """Wait until nothing runs and return how it ended."""
    outcomes = []
    while processes.running:
        outcomes += [outcome for _, outcome in processes.poll(1.0)]
    return outcomes


@pytest.fixture
def own(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """Processes that may be harmed, all of them marked."""
    monkeypatch.syspath_prepend(shelf)
    monkeypatch.setenv(MARK, OWN)
    with Processes() as processes:
        yield processes


def test_running_trials_are_crashed_and_the_rest_is_run_by_a_new_server(
    plan: Plan, sweep: Sweeping, own: Processes
) -> None:
    lost = plan("slow[pause=0.1]", "forks-children", steps=100)
    (old,) = fork_servers(OWN)
    view = SilentView()

    def kill_once_both_run(_: object) -> None:
        if len(view.begun) == 2:
            threading.Timer(1.0, os.kill, (old.pid, signal.SIGKILL)).start()

    view.on_start = kill_once_both_run
    summary, records = sweep([*lost, *plan("good", seeds=2)], view, own)
    assert summary.statuses == {Status.CRASHED: 2, Status.DONE: 2}
    error = records["slow"].result.error or ""
    assert error.startswith("lost with the process that it was forked from (killed by SIGKILL")
    (new,) = fork_servers(OWN)
    assert new.pid != old.pid
    own.close()
    wait_until(lambda: not marked(OWN), 30.0)


def test_an_idle_server_that_died_is_replaced(own: Processes) -> None:
    own.start(EMPTY)
    finish(own)
    (old,) = fork_servers(OWN)
    os.kill(old.pid, signal.SIGKILL)
    wait_until(lambda: own.poll(0.1) == [] and not psutil.pid_exists(old.pid), 30.0)
    own.start(EMPTY)
    assert [outcome.result for outcome in finish(own)] == [()]


def test_a_server_that_cannot_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pytorch_lightning.py").write_text("raise ImportError('a damaged\\ninstallation')")
    monkeypatch.syspath_prepend(tmp_path)
    with Processes() as processes:
        processes.start(EMPTY)
        with pytest.raises(RnnbenchError, match="ImportError: a damaged installation") as raised:
            finish(processes)
    assert "type rnnbench doctor" in str(raised.value)
