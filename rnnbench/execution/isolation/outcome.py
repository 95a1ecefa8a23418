"""The end of an isolated process."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from rnnbench.execution.jobs.messages import Failure, JobResult

KillReason = Literal["timeout", "interrupted", "pruned"]


@dataclass(frozen=True)
class Outcome:
    """The end of a job.

    Attributes:
        result: the result that arrived, valid for the kind of the job, or ``None``.
        failure: the exception that the job raised instead, or ``None``.
        ending: how the process ended, in words.
        killed: why the driver ended it, if it did.
        seconds: from start to end, by a monotonic clock.
        log: the last part of its output.
        started_at: date of its start, where another machine ran it.
    """

    result: JobResult | None
    failure: Failure | None
    ending: str
    killed: KillReason | None = None
    seconds: float = 0.0
    log: str = ""
    started_at: str | None = None

    @property
    def problem(self) -> str:
        """The reason why there is no result, in words."""
        return self.failure.error if self.failure else self.ending


def ending_of(code: int) -> str:
    """Describe an exit code; a negative one is the signal that killed the process."""
    if code >= 0:
        return f"exited with code {code} without a result"
    known = {number.value: number.name for number in signal.Signals}
    name = known.get(-code, f"signal {-code}")
    hint = " (by hand, or by the kernel when memory ran out)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"
