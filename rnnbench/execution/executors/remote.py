"""Trials through an executor, with the interface of isolated processes: start, poll, stop."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnbench.errors import UsageError
from rnnbench.execution.bundles.bundle import Bundle
from rnnbench.execution.bundles.requirements import installed
from rnnbench.execution.executors.executor import Ended, Finished
from rnnbench.execution.isolation import Outcome
from rnnbench.execution.jobs.plugins import Plugins
from rnnbench.files import written

if TYPE_CHECKING:
    from rnnbench.execution.executors.executor import Executor
    from rnnbench.execution.isolation import KillReason
    from rnnbench.execution.jobs.messages import Progress, TrialJob

BUNDLE_SECONDS = 20.0
"""Expected duration of a bundle: far above the second or two that a start costs."""
MOST_TRIALS = 64
"""Trials of a bundle at most, so that a lost node loses little."""
RETRIES = 3
"""Times that a trial is submitted again after it was lost with its node."""


@dataclass(eq=False)
class RemoteJob:
    """A trial that an executor has, or will have."""

    job: TrialJob
    limit: float | None
    started: float = field(default_factory=time.monotonic)
    killed: KillReason | None = None
    ticket: str | None = None
    losses: int = 0
    progress: Progress | None = None
    """Always ``None``: executors report ends alone."""


class RemoteWorkers:
    """Run trials through an executor.

    Trials are collected into bundles of about :data:`BUNDLE_SECONDS`, by the durations seen so far.
    A trial that was lost with its node is submitted again; one that failed is a record like any
    other.

    Args:
        executor: closed by :meth:`close`.
        threads: torch threads of each trial.
        ahead: bundles that wait at the executor for each that runs there.
    """

    def __init__(self, executor: Executor, threads: int = 1, ahead: float = 1.0) -> None:
        self._executor = executor
        self._threads = threads
        self._most_bundles = max(1, math.ceil(executor.slots * (1 + ahead)))
        self._fresh: deque[RemoteJob] = deque()
        self._bundles: dict[str, dict[str, RemoteJob]] = {}
        self._took: dict[str, float] = {}
        self._ready: list[tuple[RemoteJob, Outcome]] = []

    @property
    def capacity(self) -> int:
        """Trials that are worth starting at a time: enough to fill every bundle."""
        usual = sum(self._took.values()) / len(self._took) if self._took else BUNDLE_SECONDS
        each = min(MOST_TRIALS, max(1, round(self._executor.cores * BUNDLE_SECONDS / usual)))
        return self._most_bundles * each

    def start(self, job: TrialJob, *, limit: float | None = None) -> RemoteJob:
        """Take a trial; it is submitted with others by the next :meth:`poll`."""
        remote = RemoteJob(job, limit)
        self._fresh.append(remote)
        return remote

    def poll(self, timeout: float) -> list[tuple[RemoteJob, Outcome]]:
        """Submit what waits, and return the trials that have ended.

        Raises:
            UsageError: a node refuses a bundle.
        """
        self._submit()
        for event in self._executor.poll(0.0 if self._ready else timeout):
            if isinstance(event, Finished):
                self._finish(event)
            else:
                self._end(event)
        ended, self._ready = self._ready, []
        return ended

    def stop(
        self, job: RemoteJob, reason: KillReason = "interrupted", *, at_once: bool = False
    ) -> None:
        """End a trial. Those that run together in a bundle end when all of them are stopped."""
        job.killed = job.killed or reason
        if job.ticket is None:
            if job in self._fresh:
                self._fresh.remove(job)
                self._ready.append((job, _killed(job)))
            return
        if all(each.killed for each in self._bundles[job.ticket].values()):
            self._executor.cancel(job.ticket, at_once=at_once)

    def close(self) -> None:
        """End everything that still runs."""
        self._executor.close()

    def _submit(self) -> None:
        while self._fresh and len(self._bundles) < self._most_bundles:
            jobs = list(self._next_bundle())
            first = jobs[0].job
            bundle = Bundle(
                **installed(),
                trials=tuple(each.job.spec for each in jobs),
                plugins=_joined(each.job.plugins for each in jobs),
                options=first.options,
                device="cuda" if first.device.startswith("cuda") else "cpu",
                jobs=self._executor.cores,
                threads=self._threads,
                timeout=jobs[0].limit,
                memory=first.memory,
                keep_weights=any(each.job.weights is not None for each in jobs),
            )
            ticket = self._executor.submit(bundle)
            self._bundles[ticket] = {each.job.spec.trial_id: each for each in jobs}
            for each in jobs:
                each.ticket = ticket

    def _next_bundle(self) -> Iterator[RemoteJob]:
        """Take trials that are expected to fill a bundle, or a fair share of those that wait."""
        share = math.ceil(len(self._fresh) / self._executor.slots)
        seconds, count = 0.0, 0
        while self._fresh and count < min(share, MOST_TRIALS) and seconds < BUNDLE_SECONDS:
            job = self._fresh.popleft()
            took = self._took.get(job.job.spec.config_id)
            seconds += BUNDLE_SECONDS if took is None else took / self._executor.cores
            count += 1
            yield job

    def _finish(self, event: Finished) -> None:
        jobs = self._bundles.get(event.ticket, {})
        job = jobs.pop(event.record.trial_id, None)
        if job is None:
            return
        record = event.record
        self._took[record.spec.config_id] = record.seconds
        if event.weights is not None and job.job.weights is not None:
            job.job.weights.parent.mkdir(parents=True, exist_ok=True)
            with written(job.job.weights) as part:
                part.write_bytes(event.weights)
        outcome = Outcome(
            result=record.result,
            failure=None,
            ending="",
            seconds=record.seconds,
            log=record.log,
            started_at=record.started_at,
        )
        self._ready.append((job, outcome))

    def _end(self, event: Ended) -> None:
        left = self._bundles.pop(event.ticket, {})
        for job in left.values():
            job.ticket = None
        if event.refused:
            raise UsageError(event.refused)
        for job in left.values():
            job.losses += 1
            if job.killed is not None:
                self._ready.append((job, _killed(job)))
            elif job.losses > RETRIES:
                why = event.lost or "the bundle ended without its record"
                ending = f"lost {job.losses} times with its node; at last: {why}"
                self._ready.append((job, Outcome(result=None, failure=None, ending=ending)))
            else:
                self._fresh.append(job)


def _killed(job: RemoteJob) -> Outcome:
    seconds = time.monotonic() - job.started
    return Outcome(result=None, failure=None, ending="", killed=job.killed, seconds=seconds)


def _joined(plugins: Iterable[Plugins]) -> Plugins:
    found = list(plugins)
    modules = dict.fromkeys(name for each in found for name in each.modules)
    classes = {given.name: given for each in found for given in each.classes}
    return Plugins(modules=tuple(modules), classes=tuple(classes.values()))
