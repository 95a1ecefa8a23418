"""Scheduling: the order of the trials, and the circuit breaker that removes some of them."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rnnbench.records.result import Status

if TYPE_CHECKING:
    from rnnbench.records.spec import TrialSpec

CRASHES = 3
"""Number of crashes of a model in one run after which its other trials are skipped."""


class Queue:
    """The waiting trials, in the order of longest expected duration first.

    The duration of a configuration is not known before one of its trials ran, so each
    configuration's first trial runs first, in the order of the plan. The others follow by the
    duration of their configuration so far, the longest first (Graham 1969, Bounds on
    Multiprocessing Timing Anomalies), so that at the end no core waits for one long trial.
    Configurations that failed come last: they may hang until their limit again. The order changes
    no result.

    Args:
        specs: trials in the order of the plan.
    """

    def __init__(self, specs: Iterable[TrialSpec]) -> None:
        # By configuration, in the order of the plan.
        self._waiting: dict[str, deque[TrialSpec]] = {}
        # The configuration of each trial.
        self._configuration: dict[str, str] = {}
        # Seconds by configuration: of its longest ended trial; expected of its running trials.
        self._took: dict[str, float] = {}
        self._expected: dict[str, float] = {}
        self._failed: set[str] = set()
        self.add(specs)

    def add(self, specs: Iterable[TrialSpec]) -> None:
        """Add waiting trials."""
        for spec in specs:
            # The tries of a study take about as long as each other: what is known of one is known
            # of all, so that a long study begins early and the trials that follow it do too.
            study = None if spec.tuning is None else spec.tuning.study
            configuration = self._configuration[spec.trial_id] = study or spec.config_id
            self._waiting.setdefault(configuration, deque()).append(spec)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def first_of_each(self) -> list[TrialSpec]:
        """Return one waiting trial of each configuration, and every try of a study."""
        return [
            spec
            for trials in self._waiting.values()
            for place, spec in enumerate(trials)
            if not place or spec.tuning is not None
        ]

    def observe_running(self, spec: TrialSpec, expected: float) -> None:
        """Note the expected duration of a running trial, in seconds."""
        self._expected[self._configuration[spec.trial_id]] = expected

    def observe_end(self, spec: TrialSpec, seconds: float, *, failed: bool) -> None:
        """Note the duration of an ended trial, and whether it failed."""
        configuration = self._configuration[spec.trial_id]
        self._took[configuration] = max(seconds, self._took.get(configuration, 0.0))
        if failed:
            self._failed.add(configuration)

    def expected(self, spec: TrialSpec) -> float | None:
        """Return the expected duration of a trial in seconds, or ``None`` if nothing is known."""
        return self._seconds(self._configuration[spec.trial_id])

    def seconds_waiting(self, later: int = 0) -> float | None:
        """Return the expected total duration of the waiting trials in seconds.

        ``None`` before any trial has run for a while. ``later`` is the number of trials that will
        be added, of the mean duration.
        """
        known = [seconds for each in self._waiting if (seconds := self._seconds(each)) is not None]
        if not known:
            return None
        usual = sum(known) / len(known)
        return later * usual + sum(
            len(trials) * (self._seconds(each) or usual) for each, trials in self._waiting.items()
        )

    def _seconds(self, configuration: str) -> float | None:
        return self._took.get(configuration, self._expected.get(configuration))

    def take(self) -> TrialSpec:
        """Remove and return the trial to run next.

        Raises:
            IndexError: no trial is waiting.
        """
        waiting = [configuration for configuration, trials in self._waiting.items() if trials]
        if not waiting:
            raise IndexError("no trial is waiting")
        chosen = max(waiting, key=self._urgency)
        self._expected.setdefault(chosen, 0.0)
        return self._waiting[chosen].popleft()

    def _urgency(self, configuration: str) -> tuple[bool, float]:
        seconds = self._seconds(configuration)
        return configuration not in self._failed, math.inf if seconds is None else seconds

    def put_back(self, spec: TrialSpec) -> None:
        """Put back a trial that was taken and cannot be run now."""
        self._waiting[self._configuration[spec.trial_id]].append(spec)

    def remove_model(self, name: str) -> int:
        """Remove all trials of the model called ``name`` and return their number."""
        removed = 0
        for trials in self._waiting.values():
            if trials and trials[0].model.name == name:
                removed += len(trials)
                trials.clear()
        return removed


class CircuitBreaker:
    """Remove the waiting trials of a model that crashed three times in the run.

    Only ``crashed`` counts: the other statuses come from a limit that the user set, or from code
    that could still report its error. A skipped trial leaves no record, since it was not attempted;
    the next run attempts it.
    """

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled
        self._crashes: Counter[str] = Counter()

    def skip(self, spec: TrialSpec, status: Status, queue: Queue) -> int:
        """Note how a trial ended; return how many others were removed from ``queue``."""
        if status is not Status.CRASHED:
            return 0
        name = spec.model.name
        self._crashes[name] += 1
        if not self._enabled or self._crashes[name] < CRASHES:
            return 0
        return queue.remove_model(name)
