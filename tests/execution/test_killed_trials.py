"""Trials that are killed from outside are recorded as such, and no other trial is harmed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter

import pytest

from rnnbench.execution.isolation import Processes
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.execution.conftest import Plan, Sweeping

LONGEST_LIFE = 0.6
"""Seconds; a trial of the slow model takes over two."""


class Killer(threading.Thread):
    """Kills every running job of the given names, each once, at a random age."""

    def __init__(self, processes: Processes, names: set[str], number: signal.Signals) -> None:
        super().__init__(daemon=True)
        self._processes = processes
        self._names = names
        self._number = number
        self._random = random.Random(20)
        self._ended = threading.Event()
        self.killed: list[float] = []

    def run(self) -> None:
        lives: dict[int, float] = {}
        while not self._ended.wait(0.002):
            for job in self._processes.running:
                trial = job.job.spec.trial_id if isinstance(job.job, TrialJob) else ""
                if job.pid and trial in self._names:
                    life = lives.setdefault(job.pid, self._random.uniform(0.0, LONGEST_LIFE))
                    if time.monotonic() - job.started >= life:
                        os.kill(job.pid, self._number)
                        self._names.discard(trial)
                        self.killed.append(life)

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


@pytest.mark.parametrize(
    "count", [8, pytest.param(50, marks=[pytest.mark.faults, pytest.mark.timeout(900)])]
)
def test_sigkill_of_trials_at_random_moments(
    plan: Plan, sweep: Sweeping, processes: Processes, store: Store, count: int
) -> None:
    victims = plan("slow[pause=0.05]", seeds=count, steps=40)
    mixed = [spec for pair in zip(victims, plan("good", seeds=count), strict=True) for spec in pair]
    with Killer(processes, {spec.trial_id for spec in victims}, signal.SIGKILL) as killer:
        summary, _ = sweep(mixed, circuit_breaker=False)
    assert len(killer.killed) == count
    assert summary.statuses == {Status.CRASHED: count, Status.DONE: count}
    records = store.records(every_attempt=True)
    assert len(records) == 2 * count
    errors = Counter(record.result.error for record in records if record.spec.model.name == "slow")
    assert errors == {"killed by SIGKILL (by hand, or by the kernel when memory ran out)": count}


def test_sigterm_from_outside_ends_a_trial_at_once(
    plan: Plan, sweep: Sweeping, processes: Processes
) -> None:
    victims = plan("slow[pause=0.05]", seeds=2, steps=200)
    with Killer(processes, {spec.trial_id for spec in victims}, signal.SIGTERM):
        _, records = sweep(victims)
    assert records["slow"].result.status is Status.CRASHED
    assert records["slow"].result.error == "killed by SIGTERM"
