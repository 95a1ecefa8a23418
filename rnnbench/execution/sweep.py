"""The sweep: run trials in parallel, each in its own process, and store each as it ends."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnbench.errors import StoreError, UsageError
from rnnbench.execution.context import POLL_SECONDS
from rnnbench.execution.contract_checks import broken_contracts, key_of
from rnnbench.execution.jobs.messages import PreflightJob, TrialJob
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.execution.results import failures, result_of
from rnnbench.execution.schedule import CRASHES, CircuitBreaker, Queue
from rnnbench.records.result import EXPECTED_OF_TRIES, Result, Status
from rnnbench.records.store import runs_again, utc_now

if TYPE_CHECKING:
    from rnnbench.execution.context import RunContext
    from rnnbench.execution.isolation import Outcome
    from rnnbench.execution.tuning import Tuning
    from rnnbench.execution.workers import Started
    from rnnbench.records.spec import TrialSpec

PREFLIGHT_SECONDS = 120.0
"""Limit of the check before the trials; without its result the trials run unchecked."""


@dataclass
class Summary:
    """The outcome of a sweep.

    Attributes:
        stored: trials that the store held already, and that were not run again.
        statuses: how the reported trials ended that were run now.
        tries: how the tries of tuning studies ended that were run now.
        skipped: trials removed by the circuit breaker, by model; the next run attempts them.
        not_started: trials left when the run was stopped, by a signal, ``fail_fast`` or
            ``max_time``.
        interrupted: whether a signal stopped the run.
    """

    stored: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    tries: Counter[Status] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    not_started: int = 0
    interrupted: bool = False

    @property
    def all_done(self) -> bool:
        """Whether no trial failed or is left; an incompatible combination is no failure."""
        return not (self.not_started or self.skipped or self.interrupted or self.failed)

    @property
    def failed(self) -> bool:
        """Whether any trial failed; a search also has tries that diverge, and pruned ones."""
        return bool(failures(self.statuses) or failures(self.tries) - EXPECTED_OF_TRIES)


class Sweep:
    """One run over a list of trials, to which its tuning adds those that follow from results.

    Args:
        specs: the reported trials.
        context: of the run.
        tuning: the studies of the run, or ``None``.
    """

    def __init__(
        self, specs: Sequence[TrialSpec], context: RunContext, tuning: Tuning | None = None
    ) -> None:
        self._context = context
        self._workers = context.workers
        self._options = context.options
        self._tuning = tuning
        self._statuses = context.store.statuses()
        self._known: set[str] = set()
        self._queue = Queue(())
        self.summary = Summary()
        # The running trials, each with the date of its start.
        self._running: dict[Started, tuple[TrialSpec, str]] = {}
        self._breaker = CircuitBreaker(self._options.circuit_breaker)
        self._attempts = context.store.attempts() if self._options.retry else {}
        self._paused = False
        # Of models that break the contract: the result of all their trials.
        self._broken: dict[str, Result] = {}
        self._begun = False
        if tuning is not None:
            self._known.update(spec.trial_id for spec in tuning.tries)
            self.summary.stored += len(self._known)
        # Tries first: other trials follow from them.
        self._admit_due()
        self._admit(specs)

    def run(self) -> Summary:
        """Run all pending trials.

        Raises:
            UsageError: the trials cannot be built with these options; nothing was run.
            StoreError: a record could not be stored; the running trials were ended.
        """
        if self._queue:
            self._preflight()
            self._check_contracts()
        view = self._context.view
        view.begin(self._total, self.summary.stored, self._context.jobs)
        self._begun = True
        try:
            while self._queue or self._running:
                if self._context.interruption.count:
                    self._end_running()
                    break
                if self._may_start():
                    self._start_some()
                elif not self._running:
                    break
                self._turn(POLL_SECONDS)
        finally:
            self._abandon()
            self._context.lock.release()
            view.end()
        self.summary.not_started = len(self._queue)
        self.summary.interrupted = bool(self._context.interruption.count)
        if self._queue and not self.summary.interrupted:
            reason = "--fail-fast" if self._has_failed_fast() else "--max-time"
            self.summary.not_started += self._left
            view.say(
                f"{self.summary.not_started} trials were not started ({reason}); "
                "the same command continues from here"
            )
        return self.summary

    def _abandon(self) -> None:
        """Kill the trials that still run, because the run failed."""
        for job, (spec, _) in self._running.items():
            self._workers.stop(job, at_once=True)
            with contextlib.suppress(StoreError):
                self._context.store.release(spec.trial_id)

    @property
    def _left(self) -> int:
        """The trials that follow from results and are not known yet."""
        return 0 if self._tuning is None else self._tuning.left

    @property
    def _total(self) -> int:
        return len(self._known) + self._left

    def _admit(self, specs: Iterable[TrialSpec]) -> None:
        """Add trials, each once, to the queue or to those that the store holds."""
        for spec in specs:
            if spec.trial_id in self._known:
                continue
            self._known.add(spec.trial_id)
            if self._is_open(self._statuses.get(spec.trial_id)):
                self._queue.add([spec])
            else:
                self.summary.stored += 1
                self._note_stored(spec)

    def _admit_due(self) -> None:
        """Add the trials that follow from the results so far."""
        if self._tuning is not None and (due := self._tuning.due()):
            self._admit(due)
        if self._begun:
            self._context.view.expect(self._total, self.summary.stored)

    def _is_open(self, status: Status | None) -> bool:
        return status is None or runs_again(status, self._options.retry)

    def _may_start(self) -> bool:
        return not self._has_failed_fast() and not self._context.out_of_time()

    def _has_failed_fast(self) -> bool:
        return self._options.fail_fast and self.summary.failed

    def _preflight(self) -> None:
        specs = self._checked()
        job = PreflightJob(
            plugins=plugins_for(specs, self._context.registry),
            device=self._context.device,
            memory=self._options.memory,
            specs=tuple(specs),
        )
        limit = min(PREFLIGHT_SECONDS, self._options.timeout or PREFLIGHT_SECONDS)
        outcome = self._context.run_to_end(job, limit)
        if outcome.killed == "interrupted":
            return
        if outcome.failure and outcome.failure.usage:
            raise UsageError(outcome.failure.error)
        if isinstance(outcome.result, tuple):
            if mistakes := outcome.result:
                more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
                raise UsageError(mistakes[0] + more)
            return
        # A plugin that ends the process is recorded by its own trials.
        why = "took too long" if outcome.killed else outcome.problem
        self._context.view.say(f"the trials run without the check before them, which failed: {why}")

    def _check_contracts(self) -> None:
        if self._options.contract_checks and not self._context.interruption.count:
            self._broken = broken_contracts(self._checked(), self._context)

    def _checked(self) -> list[TrialSpec]:
        """Return one trial of each network, those of tries that are not known yet among them."""
        later = () if self._tuning is None else self._tuning.checked()
        specs = [*self._queue.first_of_each(), *later]
        return list({spec.speed_id: spec for spec in reversed(specs)}.values())[::-1]

    def _start_some(self) -> None:
        retry = self._options.retry
        elsewhere: list[TrialSpec] = []
        while (
            self._queue
            and len(self._running) < self._context.capacity
            and self._may_start()
            and self._may_share()
        ):
            spec = self._queue.take()
            attempts = self._attempts.get(spec.trial_id, 0)
            if self._context.store.claim(spec.trial_id, retry=retry, attempts=attempts):
                if broken := self._broken.get(key_of(spec.model)):
                    self._store(spec, broken, utc_now())
                else:
                    self._start(spec)
            elif self._context.store.is_open(spec.trial_id, retry=retry, attempts=attempts):
                elsewhere.append(spec)  # another run has claimed it; it is tried again later
            else:
                self.summary.stored += 1  # another run has finished it
                self._note_stored(spec)
        for spec in elsewhere:
            self._queue.put_back(spec)

    def _note_stored(self, spec: TrialSpec) -> None:
        if self._tuning is not None and spec.tuning is not None:
            for record in self._context.store.records(trial=spec.trial_id, purpose="tuning"):
                self._tuning.note(spec, record.result)
            self._admit_due()

    def _may_share(self) -> bool:
        shared = self._context.lock.shared()
        if not shared and not self._paused:
            self._context.view.say(
                "no further trial starts while another rnnbench run on this machine measures speed"
            )
        self._paused = not shared
        return shared

    def _start(self, spec: TrialSpec) -> None:
        job = TrialJob(
            plugins=plugins_for([spec], self._context.registry),
            device=self._context.device,
            memory=self._options.memory,
            spec=spec,
            options=self._options.for_trial,
            weights=(
                None
                if spec.tuning is not None
                else self._context.store.weights_of(spec.trial_id).absolute()
            ),
            logs=self._context.store.logs.absolute(),
        )
        running = self._workers.start(job, limit=self._options.timeout)
        self._running[running] = (spec, utc_now())
        self._context.view.started(spec)

    def _turn(self, seconds: float) -> None:
        for job, outcome in self._workers.poll(seconds):
            if job in self._running:
                self._keep(job, outcome)
        if not self._running:
            self._context.lock.release()
        self._observe_running()
        self._prune()
        self._context.view.running(
            [(spec, job.progress) for job, (spec, _) in self._running.items()],
            self._seconds_left(),
        )

    def _observe_running(self) -> None:
        for job, (spec, _) in self._running.items():
            elapsed = time.monotonic() - job.started
            step = job.progress.step if job.progress else 0
            expected = elapsed * spec.settings.steps / step if step else elapsed
            self._queue.observe_running(spec, expected)

    def _prune(self) -> None:
        if self._tuning is None:
            return
        for job, (spec, _) in self._running.items():
            if (
                job.killed is None
                and job.progress is not None
                and self._tuning.prunes(spec, job.progress.validated)
            ):
                self._workers.stop(job, "pruned")

    def _seconds_left(self) -> float | None:
        """Return the expected time until all trials have ended; ``None`` if nothing is known."""
        waiting = self._queue.seconds_waiting(self._left)
        if waiting is None:
            return None
        now = time.monotonic()
        running = [
            max(0.0, job.started + (self._queue.expected(spec) or 0.0) - now)
            for job, (spec, _) in self._running.items()
        ]
        return max((waiting + sum(running)) / self._context.jobs, *running, 0.0)

    def _keep(self, job: Started, outcome: Outcome) -> None:
        spec, started_at = self._running.pop(job)
        validated = job.progress.validated if job.progress else None
        result = result_of(outcome, self._options.timeout, validated)
        started_at = outcome.started_at or started_at
        self._store(spec, result, started_at, outcome.seconds, outcome.log)
        if skipped := self._breaker.skip(spec, result.status, self._queue):
            self.summary.skipped[spec.model.name] += skipped
            self._context.view.say(
                f"model {spec.model.name!r} crashed {CRASHES} times in this run: its other "
                f"{skipped} trials are skipped; --no-circuit-breaker runs them"
            )

    def _store(
        self, spec: TrialSpec, result: Result, started_at: str, seconds: float = 0.0, log: str = ""
    ) -> None:
        expected = EXPECTED_OF_TRIES if spec.tuning is not None else frozenset()
        failed = bool(failures([result.status]) - expected)
        self._queue.observe_end(spec, seconds, failed=failed)
        self._context.store.add(
            spec,
            result,
            started_at=started_at,
            seconds=seconds,
            command=self._options.command,
            log=log,
        )
        counted = self.summary.statuses if spec.tuning is None else self.summary.tries
        counted[result.status] += 1
        self._context.view.ended(spec, result, seconds)
        if self._tuning is not None and spec.tuning is not None:
            self._tuning.note(spec, result)
            self._admit_due()

    def _end_running(self) -> None:
        for job in self._running:
            self._workers.stop(job)
        while self._running:
            if self._context.interruption.count > 1:
                for job in self._running:
                    self._workers.stop(job, at_once=True)
            self._turn(POLL_SECONDS / 4)
