"""How an isolated process ended, and what that makes of the trial it ran."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from rnnbench.errors import one_line
from rnnbench.records.result import Result, Status

KillReason = Literal["timeout", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        result: what it sent home, or ``None``.
        error, traceback, usage: what it raised instead; ``usage`` when the mistake is the user's.
        ending: how the process ended, in words.
        killed: why the driver ended it, if it did.
        seconds: from start to end, by a monotonic clock.
        log: the last part of what it wrote to stdout and stderr.
    """

    result: Any
    error: str | None
    traceback: str | None
    usage: bool
    ending: str
    killed: KillReason | None
    seconds: float
    log: str


def ending_of(code: int) -> str:
    """Say how a process with this exit code ended; negative is the signal that killed it."""
    if code >= 0:
        return f"exited with code {code} without a result"
    known = {number.value: number.name for number in signal.Signals}
    name = known.get(-code, f"signal {-code}")
    hint = " (by hand, or by the kernel when memory ran out)" if name == "SIGKILL" else ""
    return f"killed by {name}{hint}"


def to_result(outcome: Outcome, timeout: float | None) -> Result:
    """Classify how a trial's process ended. Only a result that arrived whole is believed; an exit
    code of 0 proves nothing.
    """
    if outcome.result is not None:
        try:
            return Result.model_validate_json(outcome.result)
        except ValidationError:
            return Result(
                status=Status.CRASHED,
                error=f"sent a result that cannot be read, then {outcome.ending}",
            )
    if outcome.killed == "interrupted":
        return Result(status=Status.INTERRUPTED, error="interrupted before it ended")
    if outcome.killed == "timeout":
        return Result(
            status=Status.TIMEOUT, error=f"took longer than the limit of {timeout or 0:g} s"
        )
    if outcome.error is not None:
        status = Status.OOM if outcome.error.startswith("MemoryError") else Status.FAILED
        return Result(status=status, error=one_line(outcome.error), traceback=outcome.traceback)
    return Result(status=Status.CRASHED, error=outcome.ending)
