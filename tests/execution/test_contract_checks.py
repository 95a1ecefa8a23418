"""The contract checks before a sweep: a model that breaks the contract gets no score."""

from __future__ import annotations

from rnnbench.execution import contract_checks
from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.support.views import SilentView


def test_a_breach_is_a_failed_row_without_a_score(plan: Plan, sweep: Sweeping) -> None:
    view = SilentView()
    trials = plan("wrong-shape", "good", seeds=2)
    summary, records = sweep(trials, view, contract_checks=True)
    result = records["wrong-shape"].result
    assert result.status is Status.FAILED
    assert result.learning is None
    assert (result.error or "").startswith(
        "breaks the contract: outputs have the declared shape: for x (4, 9, 5) the outputs are"
    )
    assert (result.error or "").endswith("To see all checks, type: rnnbench check wrong-shape")
    assert summary.statuses == {Status.FAILED: 2, Status.DONE: 2}
    assert not summary.all_done
    # No process was started for the trials of the model that fails.
    assert set(view.begun) == {spec.trial_id for spec in trials if spec.model.name == "good"}
    assert all(record.result.traceback is None for record in records.values())


def test_without_the_checks_the_trial_itself_fails(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("wrong-shape"), contract_checks=False)
    assert "RuntimeError" in (records["wrong-shape"].result.error or "")


def test_a_model_that_declines_the_task_is_not_checked(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("declines"), contract_checks=True)
    assert records["declines"].result.status is Status.INCOMPATIBLE


def test_fail_fast_counts_a_breach(plan: Plan, sweep: Sweeping) -> None:
    summary, _ = sweep(plan("wrong-shape", seeds=3), contract_checks=True, fail_fast=True)
    assert summary.statuses == {Status.FAILED: 1}
    assert summary.not_started == 2


def test_checks_that_crash_leave_the_trials_of_this_model_unchecked(
    plan: Plan, sweep: Sweeping
) -> None:
    _, records = sweep(plan("segfault-anywhere", "wrong-shape", "good"), contract_checks=True)
    assert records["segfault-anywhere"].result.status is Status.CRASHED
    assert records["good"].result.status is Status.DONE
    assert "breaks the contract" in (records["wrong-shape"].result.error or "")


def test_each_model_is_checked_once_whatever_its_size(plan: Plan) -> None:
    keys = {
        contract_checks.key_of(spec.model.model_copy(update={"hidden_size": size}))
        for spec in plan("good", "slow[pause=0.1,0.2]", seeds=3)
        for size in (4, 8)
    }
    assert len(keys) == 3
