"""The circuit breaker: a model that keeps bringing its process down is not tried again in the same
run.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rnnbench.records.result import Status

if TYPE_CHECKING:
    from rnnbench.execution.schedule import Queue
    from rnnbench.records.spec import TrialSpec

CRASHES = 3
"""Crashes of one model in one run after which its other trials are skipped."""


class Breaker:
    """Counts crashes by model and takes a failing model's trials out of the queue.

    Only ``crashed`` counts: every other status either came from a limit that the user set or from
    code that could still say what was wrong. A skipped trial leaves no record, since nothing was
    attempted; the next run takes it on again.
    """

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled
        self._crashes: Counter[str] = Counter()

    def skip(self, spec: TrialSpec, status: Status, queue: Queue) -> int:
        """Take note of how a trial ended; return how many others were taken out of ``queue`` for
        it.
        """
        if status is not Status.CRASHED:
            return 0
        name = spec.model.name
        self._crashes[name] += 1
        if not self._enabled or self._crashes[name] < CRASHES:
            return 0
        return queue.remove_model(name)
