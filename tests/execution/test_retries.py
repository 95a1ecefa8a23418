"""What is run again, what is not, and that every attempt is kept."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.contract.registry import Registry
from rnnbench.execution.context import RunOptions, Session
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.isolation.processes import Processes
from rnnbench.execution.lock import Machine
from rnnbench.execution.speed_pass import SpeedPass
from rnnbench.execution.sweep import Sweep
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.execution.conftest import Plan, Sweeping
from tests.support.views import SilentView

RETRIABLE: dict[Status, tuple[str, dict[str, Any]]] = {
    Status.FAILED: ("raises", {}),
    Status.CRASHED: ("exits-zero", {}),
    Status.TIMEOUT: ("hangs", {"timeout": 1.5}),
    Status.OOM: ("memory-hog", {"memory": 6 << 30}),
    Status.DIVERGED: ("nan-loss", {}),
}


@pytest.mark.parametrize("status", RETRIABLE)
def test_a_retry_counts_and_keeps_the_attempts(
    plan: Plan, sweep: Sweeping, store: Store, status: Status
) -> None:
    model, limits = RETRIABLE[status]
    specs = plan(model, "good")
    sweep(specs, **limits)
    unasked, _ = sweep(specs, **limits)
    assert (unasked.stored, unasked.statuses) == (2, {})
    asked, _ = sweep(specs, **limits, retry=frozenset({status}))
    assert (asked.stored, asked.statuses) == (1, {status: 1})
    attempts = [r for r in store.records(every_attempt=True) if r.spec.model.name == model]
    assert [(record.attempt, record.result.status) for record in attempts] == [
        (1, status),
        (2, status),
    ]
    assert len(store.records()) == 2


def test_fail_fast_starts_nothing_after_the_first_failure(plan: Plan, sweep: Sweeping) -> None:
    view = SilentView()
    specs = [*plan("raises"), *plan("good", seeds=3)]
    summary, _ = sweep(specs, view, jobs=1, fail_fast=True)
    assert summary.statuses == {Status.FAILED: 1}
    assert summary.not_started == 3
    assert not summary.all_done
    assert (
        "3 trials were not started (--fail-fast); the same command goes on from here" in view.said
    )
    rest, _ = sweep(specs, jobs=1)
    assert rest.statuses == {Status.DONE: 3}


def test_past_the_time_nothing_is_started_and_what_runs_is_finished(
    plan: Plan, sweep: Sweeping
) -> None:
    view = SilentView()
    specs = plan("slow[pause=0.05]", seeds=4, steps=40)
    summary, _ = sweep(specs, view, jobs=1, max_time=1.0)
    assert summary.statuses == {Status.DONE: 1}
    assert summary.not_started == 3
    assert "3 trials were not started (--max-time); the same command goes on from here" in view.said


def test_two_runs_with_the_same_retry_retry_each_trial_once(
    plan: Plan,
    sweep: Sweeping,
    registry: Registry,
    processes: Processes,
    machine: Machine,
    store: Store,
) -> None:
    specs = plan("raises", seeds=2)
    sweep(specs)
    options = RunOptions(jobs=2, probes=False, retry=frozenset({Status.FAILED}))
    with Interruption() as interruption:
        session = Session(store, registry, processes, machine, SilentView(), options, interruption)
        first, second = (
            Sweep(specs, session),
            Sweep(specs, session),
        )  # both have seen the trials fail once
        assert first.run().statuses == {Status.FAILED: 2}
        assert (second.run().statuses, second.summary.stored) == ({}, 2)
    assert [record.attempt for record in store.records()] == [2, 2]


def test_past_the_time_no_speed_is_measured_until_the_next_run(
    plan: Plan,
    sweep: Sweeping,
    registry: Registry,
    processes: Processes,
    machine: Machine,
    store: Store,
) -> None:
    specs = plan("good", "slow")
    sweep(specs)
    view = SilentView()
    with Interruption() as interruption:
        session = Session(
            store, registry, processes, machine, view, RunOptions(max_time=0.0), interruption
        )
        SpeedPass(specs, session).run()
    assert not store.speeds()
    assert (
        view.said[-1]
        == "the speed of 2 configurations was not measured (--max-time); the same command measures it"
    )
