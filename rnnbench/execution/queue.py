"""Which trial runs next: what takes long comes first, so that no core is left waiting for one last long trial."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnbench.records import TrialSpec


class Queue:
    """The trials that wait to be run.

    How long a configuration takes is not known before one of its trials ran, so each configuration's first trial runs first, in
    the order of the plan. The others follow by how long their configuration took, or has been taking so far, the longest first
    (Graham 1969, Bounds on Multiprocessing Timing Anomalies). What has failed comes last: it may well hang again until its
    limit, and the others' results should not wait for that. The order changes no result.

    Args:
        specs: trials in the order of the plan.
    """

    def __init__(self, specs: Iterable[TrialSpec]) -> None:
        self._waiting: dict[str, deque[TrialSpec]] = {}  # by configuration, which keep the order of the plan
        self._configuration: dict[str, str] = {}  # by trial
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()
        for spec in specs:
            configuration = self._configuration[spec.trial_id] = spec.config_id
            self._waiting.setdefault(configuration, deque()).append(spec)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def first_of_each(self) -> list[TrialSpec]:
        """Return one waiting trial of each configuration."""
        return [trials[0] for trials in self._waiting.values() if trials]

    def observe(self, spec: TrialSpec, seconds: float) -> None:
        """Take note that a trial took ``seconds``, or that it has been running for as long."""
        configuration = self._configuration[spec.trial_id]
        self._seconds[configuration] = max(seconds, self._seconds.get(configuration, 0.0))

    def observe_failure(self, spec: TrialSpec) -> None:
        """Take note that a trial did not end as done."""
        self._failed.add(self._configuration[spec.trial_id])

    def take(self) -> TrialSpec:
        """Take out the trial to run next.

        Raises:
            IndexError: nothing waits.
        """
        waiting = [configuration for configuration, trials in self._waiting.items() if trials]
        if not waiting:
            raise IndexError("no trial waits")
        chosen = max(waiting, key=lambda each: (each not in self._failed, self._seconds.get(each, math.inf)))
        self._seconds.setdefault(chosen, 0.0)
        return self._waiting[chosen].popleft()

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
