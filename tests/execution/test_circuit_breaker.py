"""Circuit breaker: a model that crashed three times is skipped in the same run by default."""

from __future__ import annotations

from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.execution.conftest import Plan, Sweeping
from tests.support.views import SilentView


def test_after_3_crashes_the_rest_is_skipped_with_the_reason(
    plan: Plan, sweep: Sweeping, store: Store
) -> None:
    specs = [*plan("exits-zero", seeds=5), *plan("raises", seeds=4), *plan("good", seeds=2)]
    view = SilentView()
    summary, _ = sweep(specs, view, jobs=1)
    assert summary.statuses == {Status.CRASHED: 3, Status.FAILED: 4, Status.DONE: 2}
    assert summary.skipped == {"exits-zero": 2}
    assert not summary.all_done
    assert len(store.records()) == 9
    (reason,) = [text for text in view.said if "--no-circuit-breaker" in text]
    assert "'exits-zero' crashed 3 times in this run: its other 2 trials are skipped" in reason

    again, _ = sweep(specs)
    assert again.statuses == {Status.CRASHED: 2}
    assert again.stored == 9
    assert not again.skipped


def test_without_the_circuit_breaker_all_are_run(plan: Plan, sweep: Sweeping) -> None:
    summary, _ = sweep(plan("exits-zero", seeds=5), circuit_breaker=False)
    assert summary.statuses == {Status.CRASHED: 5}
    assert not summary.skipped
