"""Which trial runs next: what takes long comes first, so that no core is left waiting for one last
long trial.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnbench.records.spec import TrialSpec


class Queue:
    """The trials that wait to be run.

    How long a configuration takes is not known before one of its trials ran, so each
    configuration's first trial runs first, in the order of the plan. The others follow by how long
    their configuration took, or has been taking so far, the longest first (Graham 1969, Bounds on
    Multiprocessing Timing Anomalies). What has failed comes last: it may well hang again until its
    limit, and the others' results should not wait for that. The order changes no result.

    Args:
        specs: trials in the order of the plan.
    """

    def __init__(self, specs: Iterable[TrialSpec]) -> None:
        self._waiting: dict[
            str, deque[TrialSpec]
        ] = {}  # by configuration, which keep the order of the plan
        self._configuration: dict[str, str] = {}  # by trial
        self._took: dict[str, float] = {}
        self._expected: dict[str, float] = {}  # of those of which no trial has ended yet
        self._failed: set[str] = set()
        for spec in specs:
            configuration = self._configuration[spec.trial_id] = spec.config_id
            self._waiting.setdefault(configuration, deque()).append(spec)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def first_of_each(self) -> list[TrialSpec]:
        """Return one waiting trial of each configuration."""
        return [trials[0] for trials in self._waiting.values() if trials]

    def observe_running(self, spec: TrialSpec, expected: float) -> None:
        """Take note that a running trial looks as if it would take ``expected`` seconds."""
        self._expected[self._configuration[spec.trial_id]] = expected

    def observe_end(self, spec: TrialSpec, seconds: float, *, failed: bool) -> None:
        """Take note that a trial took ``seconds``, and whether it failed."""
        configuration = self._configuration[spec.trial_id]
        self._took[configuration] = max(seconds, self._took.get(configuration, 0.0))
        if failed:
            self._failed.add(configuration)

    def expected(self, spec: TrialSpec) -> float | None:
        """Return how many seconds a trial is expected to take; ``None`` where nothing tells."""
        return self._seconds(self._configuration[spec.trial_id])

    def seconds_waiting(self) -> float | None:
        """Return how many seconds all that waits would take one after the other; ``None`` before
        any trial ran for a while.
        """
        known = [seconds for each in self._waiting if (seconds := self._seconds(each)) is not None]
        if not known:
            return None
        usual = sum(known) / len(known)
        return sum(
            len(trials) * (self._seconds(each) or usual) for each, trials in self._waiting.items()
        )

    def _seconds(self, configuration: str) -> float | None:
        return self._took.get(configuration, self._expected.get(configuration))

    def take(self) -> TrialSpec:
        """Take out the trial to run next.

        Raises:
            IndexError: nothing waits.
        """
        waiting = [configuration for configuration, trials in self._waiting.items() if trials]
        if not waiting:
            raise IndexError("no trial waits")
        chosen = max(waiting, key=self._urgency)
        self._expected.setdefault(chosen, 0.0)
        return self._waiting[chosen].popleft()

    def _urgency(self, configuration: str) -> tuple[bool, float]:
        seconds = self._seconds(configuration)
        return configuration not in self._failed, math.inf if seconds is None else seconds

    def put_back(self, spec: TrialSpec) -> None:
        """Return a trial that was taken and could not be run now."""
        self._waiting[self._configuration[spec.trial_id]].append(spec)

    def remove_model(self, name: str) -> int:
        """Take out all trials of the model called ``name`` and return how many they were."""
        removed = 0
        for trials in self._waiting.values():
            if trials and trials[0].model.name == name:
                removed += len(trials)
                trials.clear()
        return removed
