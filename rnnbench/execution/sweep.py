"""Run many trials: as many at a time as asked, each in its own process, each stored the moment it
ends.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnbench.errors import RnnbenchError, StoreError, UsageError
from rnnbench.execution.circuit_breaker import CRASHES, Breaker
from rnnbench.execution.isolation.outcome import Outcome, to_result
from rnnbench.execution.isolation.preload import modules_for
from rnnbench.execution.schedule import Queue
from rnnbench.records.result import Status
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import runs_again, utc_now

if TYPE_CHECKING:
    from rnnbench.execution.context import Session
    from rnnbench.execution.isolation.processes import Job

POLL_SECONDS = 0.2
PREFLIGHT_SECONDS = 120.0
"""Limit of the check before the trials; past it they run unchecked, and each says for itself what
is wrong.
"""


@dataclass
class Summary:
    """What became of a sweep's trials."""

    stored: int = 0
    """Trials that had been run before and were not run again."""
    statuses: Counter[Status] = field(default_factory=Counter)
    """Of the trials run now."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Trials that the circuit breaker took out, by model; the next run takes them on again."""
    not_started: int = 0
    """Trials left when the run was stopped, by a signal, ``fail_fast`` or ``max_time``."""
    interrupted: bool = False

    @property
    def all_done(self) -> bool:
        """Whether nothing was left undone; a declined combination is an answer, not a failure."""
        return not (self.not_started or self.skipped or self.interrupted or failures(self.statuses))


def failures(statuses: Counter[Status]) -> set[Status]:
    """Return the statuses among these that are neither done nor an answer."""
    return set(statuses) - {Status.DONE, Status.INCOMPATIBLE}


class Sweep:
    """One run over a list of trials."""

    def __init__(self, specs: Sequence[TrialSpec], session: Session) -> None:
        self._session = session
        options = session.options
        statuses = session.store.statuses()
        distinct = {spec.trial_id: spec for spec in specs}
        self._queue = Queue(
            spec for spec in distinct.values() if self._is_open(statuses.get(spec.trial_id))
        )
        self._running: dict[Job, tuple[TrialSpec, str]] = {}
        self._breaker = Breaker(options.circuit_breaker)
        self._attempts = session.store.attempts() if options.retry else {}
        self._paused = False
        self._total = len(distinct)
        self.summary = Summary(stored=len(distinct) - len(self._queue))

    def run(self) -> Summary:
        """Run everything pending and return what became of it.

        Raises:
            UsageError: the trials cannot be built as asked; nothing was run.
            StoreError: a record could not be stored; the trials under way were ended.
        """
        if self._queue:
            self._preflight()
        self._session.view.begin(self._total, self.summary.stored, self._session.options.jobs)
        try:
            while self._queue or self._running:
                if self._session.interruption.count:
                    self._end_running()
                    break
                if self._may_start():
                    self._start_some()
                elif not self._running:
                    break
                self._turn(POLL_SECONDS)
        finally:
            self._abandon()
            self._session.machine.leave()
            self._session.view.end()
        self.summary.not_started = len(self._queue)
        self.summary.interrupted = bool(self._session.interruption.count)
        if self._queue and not self.summary.interrupted:
            reason = "--fail-fast" if self._has_failed_fast() else "--max-time"
            self._session.view.say(
                f"{len(self._queue)} trials were not started ({reason}); the same command goes on from here"
            )
        return self.summary

    def _abandon(self) -> None:
        """End what still runs, which it only does when storing failed, and let another run have it."""
        for job, (spec, _) in self._running.items():
            self._session.processes.kill(job, "interrupted")
            with contextlib.suppress(StoreError):
                self._session.store.release(spec.trial_id)

    def _is_open(self, status: Status | None) -> bool:
        return status is None or runs_again(status, self._session.options.retry)

    def _may_start(self) -> bool:
        return not self._has_failed_fast() and not self._session.out_of_time()

    def _has_failed_fast(self) -> bool:
        return self._session.options.fail_fast and bool(failures(self.summary.statuses))

    def _preflight(self) -> None:
        specs = self._queue.first_of_each()
        job = self._session.processes.start(
            "preflight",
            {
                "kind": "preflight",
                "device": self._session.options.device,
                "specs": [spec.model_dump(mode="json") for spec in specs],
                "plugins": modules_for(specs, self._session.registry),
            },
            limit=min(PREFLIGHT_SECONDS, self._session.options.timeout or PREFLIGHT_SECONDS),
            memory=self._session.options.memory,
        )
        while True:
            for ended, outcome in self._session.processes.poll(POLL_SECONDS):
                if ended is job:
                    self._conclude_preflight(outcome)
                    return
            if self._session.interruption.count:
                self._session.processes.kill(job, "interrupted")
                return

    def _conclude_preflight(self, outcome: Outcome) -> None:
        if outcome.usage:
            raise UsageError(outcome.error or "")
        if isinstance(outcome.result, list):
            if outcome.result:
                raise _first_of(outcome.result)
        elif (
            outcome.killed != "interrupted"
        ):  # a plugin that brings the process down is for its trials to record
            why = "took too long" if outcome.killed else outcome.error or outcome.ending
            self._session.view.say(
                f"the check before the trials came to no end ({why}); they run all the same"
            )

    def _start_some(self) -> None:
        elsewhere: list[TrialSpec] = []
        while self._queue and len(self._running) < self._session.options.jobs and self._enters():
            spec = self._queue.take()
            retry, attempts = self._session.options.retry, self._attempts.get(spec.trial_id, 0)
            if self._session.store.claim(spec.trial_id, again=retry, attempts=attempts):
                self._start(spec)
            elif self._session.store.is_open(spec.trial_id, again=retry, attempts=attempts):
                elsewhere.append(spec)  # another rnnbench runs it; look again later
            else:
                self.summary.stored += 1  # and has finished it meanwhile
        for spec in elsewhere:
            self._queue.put_back(spec)

    def _enters(self) -> bool:
        inside = self._session.machine.enter()
        if not inside and not self._paused:
            self._session.view.say(
                "no further trial starts while another rnnbench run on this machine measures speed"
            )
        self._paused = not inside
        return inside

    def _start(self, spec: TrialSpec) -> None:
        job = self._session.processes.start(
            spec.trial_id,
            {
                "kind": "trial",
                "spec": spec.model_dump(mode="json"),
                "plugins": modules_for([spec], self._session.registry),
                "device": self._session.options.device,
                "probes": self._session.options.probes,
                "memory": self._session.options.memory,
                "cuda_graphs": self._session.options.cuda_graphs,
                "weights": str(self._session.store.weights_of(spec.trial_id).absolute()),
                "loggers": self._session.options.loggers,
                "logs": str(self._session.store.logs.absolute()),
            },
            limit=self._session.options.timeout,
            memory=self._session.options.memory,
        )
        self._running[job] = (spec, utc_now())
        self._session.view.started(spec)

    def _turn(self, seconds: float) -> None:
        for job, outcome in self._session.processes.poll(seconds):
            if job in self._running:
                self._keep(job, outcome)
        if not self._running:
            self._session.machine.leave()
        self._observe_running()
        self._session.view.running(
            [(spec, job.progress) for job, (spec, _) in self._running.items()], self._seconds_left()
        )

    def _observe_running(self) -> None:
        for job, (spec, _) in self._running.items():
            elapsed = time.monotonic() - job.started
            step = job.progress[0] if job.progress else 0
            self._queue.observe_running(
                spec, elapsed * spec.settings.steps / step if step else elapsed
            )

    def _seconds_left(self) -> float | None:
        """Return when all trials should have ended, or ``None`` while nothing tells."""
        waiting = self._queue.seconds_waiting()
        if waiting is None:
            return None
        now = time.monotonic()
        expected = [
            (job.started, self._queue.expected(spec) or 0.0)
            for job, (spec, _) in self._running.items()
        ]
        running = [max(0.0, started + seconds - now) for started, seconds in expected]
        return max((waiting + sum(running)) / self._session.options.jobs, *running, 0.0)

    def _keep(self, job: Job, outcome: Outcome) -> None:
        spec, started_at = self._running.pop(job)
        result = to_result(outcome, self._session.options.timeout)
        self._queue.observe_end(
            spec, outcome.seconds, failed=bool(failures(Counter([result.status])))
        )
        self._session.store.add(
            spec,
            result,
            started_at=started_at,
            seconds=outcome.seconds,
            command=self._session.options.command,
            log=outcome.log,
        )
        self.summary.statuses[result.status] += 1
        self._session.view.ended(spec, result, outcome.seconds)
        if skipped := self._breaker.skip(spec, result.status, self._queue):
            self.summary.skipped[spec.model.name] += skipped
            self._session.view.say(
                f"model {spec.model.name!r} crashed {CRASHES} times in this run: its other {skipped} trials are skipped; "
                "insist with --no-circuit-breaker"
            )

    def _end_running(self) -> None:
        for job in self._running:
            self._session.processes.stop(job, "interrupted")
        while self._running:
            if self._session.interruption.count > 1:
                for job in self._running:
                    self._session.processes.kill(job, "interrupted")
            self._turn(POLL_SECONDS / 4)


def _first_of(problems: list[str]) -> RnnbenchError:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return UsageError(problems[0] + more)
