"""Executors: a run through one is the run of one machine; lost trials run again, others do not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from rnnbench.contract.registry import Registry
from rnnbench.errors import UsageError
from rnnbench.execution.bundles.bundle import Bundle
from rnnbench.execution.executors.chosen import make_executor
from rnnbench.execution.executors.executor import Ended, Event, Executor, Finished
from rnnbench.execution.executors.remote import RETRIES, RemoteWorkers
from rnnbench.execution.executors.subprocesses import SubprocessExecutor
from rnnbench.execution.sweep import Summary, Sweep
from rnnbench.records.result import Record, Status
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import Store
from tests.execution.conftest import InContext, Plan
from tests.support.calling import call
from tests.support.factory import record
from tests.support.views import SilentView

Ran = tuple[Summary, list[Record]]
Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def subprocesses(shelf: Path) -> Iterator[SubprocessExecutor]:
    """Two processes at a time, which can load the faulty plugin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(shelf)
        executor = SubprocessExecutor(slots=2)
        yield executor
        executor.close()


@pytest.fixture(params=["local", "subprocess"])
def run(
    request: pytest.FixtureRequest,
    in_context: InContext,
    store: Store,
    subprocesses: SubprocessExecutor,
) -> Run:
    """Run trials by each executor; the same tests hold for all of them."""

    def sweep(specs: Sequence[TrialSpec], *given: Any, **options: Any) -> Ran:
        with in_context(*given, **options) as context:
            if request.param != "local":
                context = replace(context, remote=RemoteWorkers(subprocesses))
            summary = Sweep(specs, context).run()
        return summary, store.records()

    return sweep


# -- the contract, over all executors


def test_every_end_is_recorded_once_and_again_runs_nothing(run: Run, plan: Plan) -> None:
    specs = plan("good", "raises", "exits-zero", seeds=2)
    summary, found = run(specs)
    assert {(each.spec.model.name, each.result.status) for each in found} == {
        ("good", Status.DONE),
        ("raises", Status.FAILED),
        ("exits-zero", Status.CRASHED),
    }
    assert [each.attempt for each in found] == [1] * 6
    assert all(each.seconds > 0 and each.result.status for each in found)
    summary, again = run(specs)
    assert (summary.stored, again) == (6, found)


def test_trained_weights_arrive(run: Run, plan: Plan, store: Store) -> None:
    (spec,) = plan("good")
    run([spec])
    assert store.weights_of(spec.trial_id).is_file()


def test_an_interruption_ends_the_running_trials_and_the_next_run_continues(
    run: Run, plan: Plan
) -> None:
    view = SilentView()
    view.on_start = lambda _: os.kill(os.getpid(), signal.SIGINT)
    summary, found = run(plan("slow", seeds=3), view)
    assert summary.interrupted
    assert {each.result.status for each in found} <= {Status.INTERRUPTED}
    _, found = run(plan("good"))
    assert {each.result.status for each in found if each.spec.model.name == "good"} == {Status.DONE}


def test_the_first_failure_ends_a_run_that_asks_for_it(run: Run, plan: Plan) -> None:
    summary, found = run(plan("raises", seeds=2), fail_fast=True, jobs=1)
    assert Status.FAILED in {each.result.status for each in found}
    assert not summary.all_done


def test_scores_do_not_depend_on_the_executor(
    plan: Plan, in_context: InContext, subprocesses: SubprocessExecutor, tmp_path: Path
) -> None:
    specs = plan("good", seeds=3)
    curves = []
    for number, remote in enumerate((None, RemoteWorkers(subprocesses))):
        with (
            Store(tmp_path / f"{number}.db") as store,
            in_context(store=store) as context,
        ):
            Sweep(specs, replace(context, remote=remote)).run()
            learned = {each.trial_id: each.result.learning for each in store.records()}
        curves.append(
            {
                trial: (found.score, [point.validation_loss for point in found.curve])
                for trial, found in learned.items()
                if found is not None
            }
        )
    assert len(curves[0]) == 3
    assert curves[0] == curves[1]


def test_nothing_is_left_after_the_end(shelf: Path, plan: Plan) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(shelf)
        executor = SubprocessExecutor(slots=1)
        executor.submit(_bundle(plan("hangs")))
        folder = Path(executor._folder.name)
        until = time.monotonic() + 60
        while not _children_with(folder) and time.monotonic() < until:
            time.sleep(0.1)
        assert _children_with(folder)
        executor.close()
        executor.close()
    assert not folder.exists()
    assert not _children_with(folder)


def _children_with(folder: Path) -> list[psutil.Process]:
    """Return the processes whose command names the folder."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if str(folder) in " ".join(_command(each))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _bundle(specs: Sequence[TrialSpec]) -> Bundle:
    from rnnbench.execution.bundles.requirements import installed
    from rnnbench.execution.jobs.plugins import Plugins

    return Bundle(**installed(), trials=tuple(specs), plugins=Plugins(modules=("acme_faults",)))


# -- lost bundles


class Lossy:
    """An executor of three slots that loses bundles, as a cluster loses nodes.

    Each bundle gives the records of its first trials, as many as ``kept`` says, and is lost then;
    the last entry of ``kept`` holds for all further bundles.
    """

    slots = 3
    cores = 1

    def __init__(self, kept: Sequence[int], refused: str = "") -> None:
        self.kept = list(kept)
        self.refused = refused
        self.submitted: list[Bundle] = []
        self.events: list[Event] = []

    def submit(self, bundle: Bundle) -> str:
        ticket = str(len(self.submitted))
        self.submitted.append(bundle)
        keep = self.kept.pop(0) if len(self.kept) > 1 else self.kept[0]
        for spec in bundle.trials[:keep]:
            made = record(spec=spec, status=Status.FAILED)
            self.events.append(Finished(ticket, made.model_copy(update={"seconds": 1.0})))
        lost = "node died" if keep < len(bundle.trials) else ""
        self.events.append(Ended(ticket, lost=lost, refused=self.refused))
        return ticket

    def poll(self, seconds: float) -> Sequence[Event]:
        found, self.events = self.events, []
        return found

    def cancel(self, ticket: str, *, at_once: bool = False) -> None:
        """Every bundle has ended when it is submitted."""

    def close(self) -> None:
        pass


@pytest.fixture
def through(in_context: InContext, store: Store) -> Callable[..., Ran]:
    def sweep(executor: Executor, specs: Sequence[TrialSpec]) -> Ran:
        with in_context(circuit_breaker=False) as context:
            summary = Sweep(specs, replace(context, remote=RemoteWorkers(executor))).run()
        return summary, store.records(every_attempt=True)

    return sweep


def test_lost_trials_run_again_and_none_twice(through: Any, plan: Plan) -> None:
    specs = plan("good", seeds=40)
    executor = Lossy([0, 1, 0, 1, 0, 100])
    _, found = through(executor, specs)
    assert sorted(each.trial_id for each in found) == sorted(spec.trial_id for spec in specs)
    ran = [spec.trial_id for bundle in executor.submitted for spec in bundle.trials]
    assert len(ran) > len(specs)
    # once the duration is known, a bundle holds many trials
    assert max(len(bundle.trials) for bundle in executor.submitted) > 5


def test_a_trial_whose_node_is_lost_again_and_again_is_recorded_as_crashed(
    through: Any, plan: Plan
) -> None:
    executor = Lossy([0])
    _, (found,) = through(executor, plan("good"))
    assert found.result.status is Status.CRASHED
    assert "node died" in (found.result.error or "")
    assert len(executor.submitted) == RETRIES + 1


def test_a_failed_trial_is_a_record_and_not_retried(through: Any, plan: Plan) -> None:
    executor = Lossy([100])
    _, found = through(executor, plan("good", seeds=3))
    assert [each.result.status for each in found] == [Status.FAILED] * 3
    assert sum(len(bundle.trials) for bundle in executor.submitted) == 3


def test_a_refusal_ends_the_run_and_releases_its_trials(
    through: Any, plan: Plan, store: Store
) -> None:
    specs = plan("good", seeds=2)
    with pytest.raises(UsageError, match="another plugin"):
        through(Lossy([0], refused="another plugin"), specs)
    assert store.records() == []
    assert store.claim(specs[0].trial_id)


def test_a_worker_that_refuses_says_why(plan: Plan, subprocesses: SubprocessExecutor) -> None:
    (spec,) = plan("good")
    model = spec.model.model_copy(update={"source": "sha256:other"})
    other = spec.model_copy(update={"model": model})
    ticket = subprocesses.submit(_bundle([other]))
    (ended,) = _until_end(subprocesses, ticket)
    assert isinstance(ended, Ended)
    assert "other source code" in ended.refused


def test_a_worker_killed_by_force_is_lost(plan: Plan, subprocesses: SubprocessExecutor) -> None:
    ticket = subprocesses.submit(_bundle(plan("hangs")))
    subprocesses.cancel(ticket, at_once=True)
    (ended,) = _until_end(subprocesses, ticket)
    assert isinstance(ended, Ended)
    assert "SIGKILL" in ended.lost


def _until_end(executor: Executor, ticket: str) -> list[Event]:
    events: list[Event] = []
    until = time.monotonic() + 120
    while time.monotonic() < until:
        events += [each for each in executor.poll(1.0) if each.ticket == ticket]
        if events and isinstance(events[-1], Ended):
            return events
    raise AssertionError("the bundle did not end")


# -- options


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("slurmy", "no executor called"),
        ("local[slots=2]", "takes no options"),
        ("subprocess[slot=2]", "no option 'slot'"),
        ("subprocess[slots=two]", "slots=two"),
        ("subprocess[slots=1,2]", "one value each"),
        ("subprocess,local", "one executor"),
        ("", "no name"),
    ],
)
def test_a_wrong_executor_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    words = ("run", "-t", "copy-memory", "-m", "rnn", "--executor", text)
    answer = call(*words, "--store", str(tmp_path / "a.db"), "--no-report")
    assert told in answer.complaint
    assert not (tmp_path / "a.db").exists()


def test_a_pruner_needs_this_machine(tmp_path: Path) -> None:
    words = ("run", "-t", "copy-memory", "-m", "rnn", "--executor", "subprocess", "--no-report")
    tuned = ("--tune", "learning_rate=1e-3..1e-2", "--tune-pruner", "median")
    assert "--tune-pruner" in call(*words, *tuned, "--store", str(tmp_path / "a.db")).complaint
    assert not (tmp_path / "a.db").exists()


def test_an_executor_takes_its_options(registry: Registry) -> None:
    assert make_executor("local", registry) is None
    made = make_executor("subprocess[slots=3]", registry)
    assert made is not None
    assert made.slots == 3
    made.close()
