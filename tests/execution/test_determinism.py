"""The same trial gives the same numbers, bit for bit, however it is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract.registry import Registry
from rnnbench.execution.sweep import Sweep
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Status
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import Store
from tests.execution.conftest import InContext, Plan
from tests.support.views import SilentView

SETTINGS = {
    "steps": 12,
    "validate_every": 4,
    "batch_size": 8,
    "validation_size": 32,
    "test_size": 32,
}


class Measure:
    """Runs trials into a store of their own and returns all that was measured but for seconds."""

    def __init__(self, in_context: InContext, folder: Path) -> None:
        self._in_context = in_context
        self._folder = folder
        self._count = 0

    def __call__(
        self, specs: Sequence[TrialSpec], jobs: int, retry: bool = False
    ) -> dict[str, Any]:
        self._count += 1
        with Store(self._folder / f"{self._count}.db") as store:
            if retry:
                self._interrupt(specs, store)
            with self._in_context(store=store, jobs=jobs, probes=True) as context:
                Sweep(specs, context).run()
            return {
                record.trial_id: _numbers(record.result.model_dump())
                for record in store.records()
                if record.spec.model.name != "segfault"
            }

    def _interrupt(self, specs: Sequence[TrialSpec], store: Store) -> None:
        view = SilentView()
        with self._in_context(view, store=store, jobs=1, probes=True) as context:

            def kill_at_once(_: TrialSpec) -> None:
                for job in context.processes.running:
                    context.processes.stop(job, at_once=True)

            view.on_start = kill_at_once
            Sweep(specs, context).run()
        assert {record.result.status for record in store.records()} == {Status.INTERRUPTED}


def _numbers(result: dict[str, Any]) -> dict[str, Any]:
    assert result["status"] is Status.DONE, result["error"]
    result["learning"].pop("train_seconds")
    for point in result["learning"]["curve"]:
        point.pop("seconds")
    return result


@pytest.fixture
def measure(in_context: InContext, tmp_path: Path) -> Measure:
    return Measure(in_context, tmp_path)


def test_alone_in_parallel_in_another_order_and_after_an_interruption(
    measure: Measure, registry: Registry, plan: Plan
) -> None:
    models = ["lstm", "attention-lstm"]
    specs = make_plan(
        Request(
            ["copy-memory[delay=3,symbols=2]"], models, seeds=1, hidden_size=8, settings=SETTINGS
        ),
        registry,
    )
    alone = measure(specs, jobs=1)
    assert len(alone) == 2
    assert all(result["gradient"]["profiles"] and result["size"] for result in alone.values())
    assert measure(specs, jobs=2) == alone
    assert measure([*plan("segfault"), *reversed(specs)], jobs=1) == alone
    assert measure(specs, jobs=1, retry=True) == alone
