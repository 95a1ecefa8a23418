"""The same trial gives the same numbers, bit for bit, however it is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract.registry import Registry
from rnnbench.execution.context import RunOptions, Session
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.isolation.processes import Processes
from rnnbench.execution.lock import Machine
from rnnbench.execution.sweep import Sweep
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Status
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import Store
from tests.execution.conftest import Plan
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

    def __init__(
        self, registry: Registry, processes: Processes, machine: Machine, folder: Path
    ) -> None:
        self._parts = registry, processes, machine
        self._folder = folder
        self._count = 0

    def __call__(
        self, specs: Sequence[TrialSpec], jobs: int, retry: bool = False
    ) -> dict[str, Any]:
        self._count += 1
        with Store(self._folder / f"{self._count}.db") as store, Interruption() as interruption:
            if retry:
                self._crash(specs, store, interruption)
            options = RunOptions(jobs=jobs, retry=frozenset({Status.CRASHED}))
            Sweep(specs, Session(store, *self._parts, SilentView(), options, interruption)).run()
            return {record.trial_id: _numbers(record.result.model_dump()) for record in store.records()
                    if record.spec.model.name != "segfault"}  # fmt: skip

    def _crash(self, specs: Sequence[TrialSpec], store: Store, interruption: Interruption) -> None:
        _, processes, _ = self._parts
        view = SilentView()

        def kill_at_once(_: TrialSpec) -> None:
            for job in processes.running:
                processes.kill(job, "interrupted")

        view.on_start = kill_at_once
        Sweep(specs, Session(store, *self._parts, view, RunOptions(jobs=1), interruption)).run()
        assert {record.result.status for record in store.records()} == {Status.INTERRUPTED}


def _numbers(result: dict[str, Any]) -> dict[str, Any]:
    assert result["status"] is Status.DONE, result["error"]
    result["learning"].pop("train_seconds")
    for point in result["learning"]["curve"]:
        point.pop("seconds")
    return result


@pytest.fixture
def measure(registry: Registry, processes: Processes, machine: Machine, tmp_path: Path) -> Measure:
    return Measure(registry, processes, machine, tmp_path)


def test_alone_in_parallel_in_another_order_and_after_a_crash(
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
