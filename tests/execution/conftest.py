"""An installed plugin whose models have one fault each, and fixtures that run them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract import registry as plugins
from rnnbench.contract.registry import Registry
from rnnbench.execution.context import RunContext
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.isolation import Processes
from rnnbench.execution.lock import FOLDER_VARIABLE, MachineLock
from rnnbench.execution.options import RunOptions
from rnnbench.execution.sweep import Summary, Sweep
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import Store
from tests.support.installing import install
from tests.support.views import SilentView


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the faulty plugin is installed in."""
    project = Path(__file__).parent / "faults"
    return install(
        [project], tmp_path_factory.mktemp("faults"), tmp_path_factory.mktemp("faults-source")
    )


@pytest.fixture
def registry(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with the faulty plugin in it; child processes see it too."""
    monkeypatch.syspath_prepend(shelf)
    importlib.invalidate_caches()
    return plugins.load()


@pytest.fixture(scope="session")
def processes(shelf: Path) -> Iterator[Processes]:
    """Isolated processes that can load the faulty plugin, with one server for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(shelf)
        started = Processes()
    with started:
        yield started


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MachineLock]:
    """The test's own lock, so that it waits for no other run."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    with contextlib.closing(MachineLock()) as lock:
        yield lock


Plan = Callable[..., list[TrialSpec]]


@pytest.fixture
def plan(registry: Registry) -> Plan:
    """Plan small trials of the instant task: ``plan("good", "slow", seeds=3, steps=5)``."""

    def make(
        *models: str, seeds: int = 1, task: str = "instant", **settings: Any
    ) -> list[TrialSpec]:
        small = {"steps": 3, "batch_size": 4, "validation_size": 8, "test_size": 8, **settings}
        return make_plan(
            Request([task], models, seeds=seeds, hidden_size=4, settings=small), registry
        )

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store(tmp_path / "records.db") as opened:
        yield opened


InContext = Callable[..., contextlib.AbstractContextManager[RunContext]]


@pytest.fixture
def in_context(
    registry: Registry, processes: Processes, lock: MachineLock, store: Store
) -> InContext:
    """Make the context of a run, with these options."""
    assert "segfault" in registry.models

    @contextlib.contextmanager
    def make(
        view: SilentView | None = None,
        processes: Processes = processes,
        store: Store = store,
        **given: Any,
    ) -> Iterator[RunContext]:
        options = RunOptions(**{"jobs": 2, "probes": False, "contract_checks": False, **given})
        with Interruption() as interruption:
            yield RunContext(
                store,
                registry,
                processes,
                lock,
                view or SilentView(),
                interruption,
                options,
                device="cuda" if options.accelerator == "gpu" else "cpu",
                jobs=options.jobs or 1,
            )

    return make


Sweeping = Callable[..., tuple[Summary, dict[str, Record]]]


@pytest.fixture
def sweep(in_context: InContext, store: Store) -> Sweeping:
    """Run trials; return the summary and the last record of each model by name."""

    def run(specs: list[TrialSpec], *given: Any, **options: Any) -> Any:
        with in_context(*given, **options) as context:
            summary = Sweep(specs, context).run()
        return summary, {record.spec.model.name: record for record in store.records()}

    return run
