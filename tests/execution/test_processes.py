"""Isolated processes: nothing leaks, nothing lingers, and what they send does no harm."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnbench.execution.isolation.outcome import Outcome, ending_of, to_result
from rnnbench.execution.isolation.processes import Processes
from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.support.views import SilentView

EMPTY: dict[str, Any] = {"kind": "preflight", "specs": [], "plugins": []}


def run_empty(processes: Processes, jobs: int, at_a_time: int = 2) -> list[Outcome]:
    outcomes = []
    for _ in range(jobs):
        while len(processes.running) >= at_a_time:
            outcomes += [outcome for _, outcome in processes.poll(10.0)]
        processes.start("empty", EMPTY, limit=60.0)
    while processes.running:
        outcomes += [outcome for _, outcome in processes.poll(10.0)]
    return outcomes


def server(processes: Processes) -> psutil.Process:
    return psutil.Process(processes.server_pid)


def test_300_jobs_leak_no_descriptor_and_no_process(processes: Processes) -> None:
    run_empty(processes, 2)
    here, there = len(os.listdir("/proc/self/fd")), server(processes).num_fds()  # noqa: PTH208
    outcomes = run_empty(processes, 300)
    assert [outcome.result for outcome in outcomes] == [[]] * 300
    assert len(os.listdir("/proc/self/fd")) == here  # noqa: PTH208
    assert server(processes).num_fds() == there
    assert server(processes).children() == []


def test_50_empty_jobs_take_under_ten_seconds(processes: Processes) -> None:
    run_empty(processes, 1)
    started = time.monotonic()
    run_empty(processes, 50)
    assert time.monotonic() - started < 10.0


def test_the_server_runs_one_thread_and_no_plugin(processes: Processes) -> None:
    run_empty(processes, 1)
    assert server(processes).num_threads() == 1
    loaded = Path(f"/proc/{server(processes).pid}/maps").read_text()
    assert "torch" in loaded


def test_a_job_that_raises_says_what_and_where(processes: Processes) -> None:
    processes.start("odd", {**EMPTY, "kind": "no such kind"})
    (outcome,) = run_empty(processes, 0)
    assert (outcome.result, outcome.error, outcome.usage) == (
        None,
        "KeyError: 'no such kind'",
        False,
    )
    assert "worker.py" in (outcome.traceback or "")


def test_a_limit_begins_when_the_process_does(processes: Processes) -> None:
    job = processes.start("empty", EMPTY, limit=30.0)
    assert job.deadline == float("inf")
    while not job.pid:
        processes.poll(1.0)
    assert 0.0 < job.deadline - time.monotonic() <= 30.0
    run_empty(processes, 0)


def test_a_job_can_be_killed_before_it_was_forked(processes: Processes) -> None:
    job = processes.start("empty", EMPTY)
    processes.kill(job, "interrupted")
    (outcome,) = run_empty(processes, 0)
    assert outcome.result is not None or outcome.killed == "interrupted"


def test_closing_twice_and_before_the_server_is_ready_is_quick() -> None:
    started = time.monotonic()
    processes = Processes()
    processes.close()
    processes.close()
    assert time.monotonic() - started < 2.0


def test_progress_is_told_as_it_goes(plan: Plan, sweep: Sweeping) -> None:
    view = SilentView()
    sweep(plan("slow[pause=0.05]", steps=24, validate_every=2), view)
    steps = [step for _, step, _ in view.progress]
    assert len(set(steps)) >= 3
    assert steps == sorted(steps)
    assert all(0.0 < loss < 10.0 for _, _, loss in view.progress)


def test_a_result_of_several_megabytes_arrives_whole(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("draws-much"))
    (drawing,) = records["draws-much"].result.drawings
    assert drawing.kind == "heatmap"
    assert drawing.values[499][499] == 499 * 499 / 7
    assert len(drawing.model_dump_json()) > 2_000_000


def test_rubbish_in_every_open_file_harms_no_other_trial(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(
        [*plan("scribbles", "closes-everything", "speaks-binary"), *plan("good", seeds=3)]
    )
    assert records["scribbles"].result.status in (Status.DONE, Status.CRASHED)
    assert records["closes-everything"].result.status is Status.CRASHED
    assert records["closes-everything"].result.error == "exited with code 1 without a result"
    assert records["speaks-binary"].result.status is Status.DONE
    assert "ABC" in records["speaks-binary"].log
    assert records["good"].result.status is Status.DONE


@pytest.mark.parametrize(
    "sent", ["", "{}", "7", '{"status": "wonderful"}', 7, {"status": "done"}, [1]]
)
def test_a_result_that_is_none_is_a_crash(sent: Any) -> None:
    result = to_result(Outcome(sent, None, None, False, ending_of(0), None, 1.0, ""), None)
    assert result.status is Status.CRASHED
    assert (
        result.error
        == "sent a result that cannot be read, then exited with code 0 without a result"
    )


def test_endings_in_words() -> None:
    assert ending_of(-11) == "killed by SIGSEGV"
    assert ending_of(-9) == "killed by SIGKILL (by hand, or by the kernel when memory ran out)"
    assert ending_of(-63) == "killed by signal 63"
    assert ending_of(3) == "exited with code 3 without a result"
