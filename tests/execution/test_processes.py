"""Isolated processes: nothing leaks, no process is left, and garbage they send does no harm."""

from __future__ import annotations

import os
import time

import pytest

from rnnbench.contract.registry import Registry
from rnnbench.execution.isolation import Outcome, Processes
from rnnbench.execution.isolation.outcome import ending_of
from rnnbench.execution.jobs.messages import Failure, PreflightJob, SpeedJob, TrialJob
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.execution.results import result_of
from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.support.command import MARK, marked, wait_until
from tests.support.servers import fork_servers
from tests.support.views import SilentView

EMPTY = PreflightJob(specs=())


def run_empty(processes: Processes, jobs: int, at_a_time: int = 2) -> list[Outcome]:
    outcomes = []
    for _ in range(jobs):
        while len(processes.running) >= at_a_time:
            outcomes += [outcome for _, outcome in processes.poll(10.0)]
        processes.start(EMPTY, limit=60.0)
    while processes.running:
        outcomes += [outcome for _, outcome in processes.poll(10.0)]
    return outcomes


def test_300_jobs_leak_no_descriptor_and_no_process(processes: Processes) -> None:
    run_empty(processes, 2)
    (server,) = fork_servers()
    here, there = len(os.listdir("/proc/self/fd")), server.num_fds()  # noqa: PTH208
    outcomes = run_empty(processes, 300)
    assert [outcome.result for outcome in outcomes] == [()] * 300
    assert len(os.listdir("/proc/self/fd")) == here  # noqa: PTH208
    assert server.num_fds() == there
    assert server.children() == []


def test_the_server_runs_one_thread(processes: Processes) -> None:
    run_empty(processes, 1)
    (server,) = fork_servers()
    assert server.num_threads() == 1


def test_a_job_that_raises_says_what_and_where(
    plan: Plan, registry: Registry, processes: Processes
) -> None:
    (spec,) = plan("raises")
    plugins = plugins_for([spec], registry)
    processes.start(SpeedJob(spec=spec, comparator=spec, plugins=plugins, budget_seconds=0.1))
    (outcome,) = run_empty(processes, 0)
    assert outcome.result is None
    assert outcome.failure is not None
    assert outcome.failure.error.startswith("KeyError: ")
    assert not outcome.failure.usage
    assert "acme_faults.py" in (outcome.failure.traceback or "")


def test_a_mistake_of_the_user_is_told_from_a_fault(plan: Plan, processes: Processes) -> None:
    (spec,) = plan("good")
    processes.start(TrialJob(spec=spec))  # without the plugin that defines its model
    (outcome,) = run_empty(processes, 0)
    assert outcome.failure is not None
    assert outcome.failure.usage
    assert "'good'" in outcome.failure.error


def test_a_limit_begins_when_the_process_does(processes: Processes) -> None:
    job = processes.start(EMPTY, limit=30.0)
    assert job.deadline == float("inf")
    while not job.pid:
        processes.poll(1.0)
    assert 0.0 < job.deadline - time.monotonic() <= 30.0
    run_empty(processes, 0)


def test_a_job_can_be_stopped_before_it_was_forked(plan: Plan, registry: Registry) -> None:
    (spec,) = plan("import-hangs")
    with Processes() as processes:  # whose server is still loading
        job = processes.start(TrialJob(spec=spec, plugins=plugins_for([spec], registry)))
        processes.stop(job, at_once=True)
        (outcome,) = run_empty(processes, 0)
    assert (outcome.result, outcome.killed) == (None, "interrupted")
    assert outcome.ending.startswith("killed by SIGKILL")


def test_closing_twice_and_before_the_server_is_ready_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(MARK, "closed-early")
    processes = Processes()
    processes.close()
    processes.close()
    wait_until(lambda: not marked("closed-early"), 30.0)


def test_progress_arrives_during_the_training(plan: Plan, sweep: Sweeping) -> None:
    view = SilentView()
    sweep(plan("slow[pause=0.05]", steps=24, validate_every=2), view)
    steps = [step for _, step, _ in view.progress]
    assert len(set(steps)) >= 3
    assert steps == sorted(steps)
    assert all(0.0 < loss < 10.0 for _, _, loss in view.progress)


def test_a_result_of_several_megabytes_arrives_whole(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("draws-much"))
    (plot,) = records["draws-much"].result.plots
    assert plot.kind == "heatmap"
    assert plot.values[499][499] == 499 * 499 / 7
    assert len(plot.model_dump_json()) > 2_000_000


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
    ("outcome", "status", "text"),
    [
        (Outcome(None, None, ending_of(0)), Status.CRASHED, "code 0 without a result"),
        (Outcome(("x",), None, ending_of(0)), Status.CRASHED, "code 0 without a result"),
        (Outcome(None, None, ending_of(-9), "timeout"), Status.TIMEOUT, "the limit of 3 s"),
        (Outcome(None, None, ending_of(-9), "interrupted"), Status.INTERRUPTED, "interrupted"),
        (Outcome(None, Failure(error="KeyError: 'x'"), ""), Status.FAILED, "KeyError: 'x'"),
        (Outcome(None, Failure(error="MemoryError"), ""), Status.OOM, "MemoryError"),
    ],
)
def test_without_a_result_the_record_says_why(outcome: Outcome, status: Status, text: str) -> None:
    result = result_of(outcome, 3.0)
    assert result.status is status
    assert text in (result.error or "")


def test_endings_in_words() -> None:
    assert ending_of(-11) == "killed by SIGSEGV"
    assert ending_of(-9).startswith("killed by SIGKILL (")
    assert ending_of(-63) == "killed by signal 63"
    assert ending_of(3) == "exited with code 3 without a result"
