"""Retries: which trials run again, and that every attempt is kept."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.execution.speed_pass import SpeedPass
from rnnbench.execution.sweep import Sweep
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.execution.conftest import InContext, Plan, Sweeping
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
    asked, _ = sweep(specs, **limits, retry=[status])
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
    assert "3 trials were not started (--fail-fast)" in "\n".join(view.said)
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
    assert "3 trials were not started (--max-time)" in "\n".join(view.said)


def test_two_runs_with_the_same_retry_retry_each_trial_once(
    plan: Plan, sweep: Sweeping, in_context: InContext, store: Store
) -> None:
    specs = plan("raises", seeds=2)
    sweep(specs)
    with in_context(retry=["failed"]) as context:
        # Both have seen the trials fail once.
        first, second = Sweep(specs, context), Sweep(specs, context)
        assert first.run().statuses == {Status.FAILED: 2}
        assert (second.run().statuses, second.summary.stored) == ({}, 2)
    assert [record.attempt for record in store.records()] == [2, 2]


def test_past_the_time_no_speed_is_measured_until_the_next_run(
    plan: Plan, sweep: Sweeping, in_context: InContext, store: Store
) -> None:
    specs = plan("good", "slow")
    sweep(specs)
    view = SilentView()
    with in_context(view, max_time=1e-9) as context:
        SpeedPass(specs, context).run()
    assert not store.speeds()
    assert "the speed of 2 configurations was not measured (--max-time)" in view.said[-1]
