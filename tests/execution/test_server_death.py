"""The process that trials are forked from may die as well."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench.errors import RnnbenchError
from rnnbench.execution.isolation.outcome import Outcome
from rnnbench.execution.isolation.processes import Processes
from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.execution.test_processes import EMPTY
from tests.support.command import MARK, marked, wait_until
from tests.support.views import SilentView


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
    monkeypatch.setenv(MARK, "server-death")
    with Processes() as processes:
        yield processes


def test_running_trials_are_crashed_and_the_rest_is_run_by_a_new_server(
    plan: Plan, sweep: Sweeping, own: Processes
) -> None:
    lost = plan("slow[pause=0.1]", "forks-children", steps=100)
    old = own.server_pid
    assert old is not None
    view = SilentView()

    def kill_once_both_run(_: object) -> None:
        if len(view.begun) == 2:
            threading.Timer(1.0, os.kill, (old, signal.SIGKILL)).start()

    view.on_start = kill_once_both_run
    summary, records = sweep([*lost, *plan("good", seeds=2)], view, own)
    assert summary.statuses == {Status.CRASHED: 2, Status.DONE: 2}
    assert records["slow"].result.error == (
        "lost with the process that it was forked from (killed by SIGKILL (by hand, or by the kernel when memory ran out))"
    )
    assert own.server_pid not in (None, old)
    own.close()
    wait_until(lambda: not marked("server-death"), 2.0)


def test_an_idle_server_that_died_is_replaced(own: Processes) -> None:
    own.start("empty", EMPTY)
    finish(own)
    assert own.server_pid is not None
    os.kill(own.server_pid, signal.SIGKILL)
    wait_until(lambda: own.poll(0.1) == [] and own.server_pid is None, 10.0)
    own.start("empty", EMPTY)
    assert [outcome.result for outcome in finish(own)] == [[]]


def test_a_server_that_cannot_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pytorch_lightning.py").write_text("raise ImportError('a damaged\\ninstallation')")
    monkeypatch.syspath_prepend(tmp_path)
    with Processes() as processes:
        processes.start("empty", EMPTY)
        with pytest.raises(RnnbenchError) as raised:
            finish(processes)
    assert str(raised.value) == (
        "the process that trials are forked from could not start: ImportError: a damaged installation; "
        "type rnnbench doctor to see what is wrong with the installation."
    )
