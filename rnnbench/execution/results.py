"""The result of a trial from the end of its process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rnnbench.records.result import Result, Status

if TYPE_CHECKING:
    from rnnbench.execution.isolation import Outcome
    from rnnbench.records.result import Validated


def failures(statuses: Iterable[Status]) -> set[Status]:
    """Return the statuses among these that are failures."""
    return set(statuses) - {Status.DONE, Status.INCOMPATIBLE}


def result_of(
    outcome: Outcome, timeout: float | None, validated: Validated | None = None
) -> Result:
    """Return the result of a trial's process, or one that states why there is none.

    Only a result that arrived counts: an exit code of 0 proves nothing. ``validated`` is what a
    pruned try had reported before its end.
    """
    if isinstance(outcome.result, Result):
        return outcome.result
    if outcome.killed == "pruned":
        at = validated.steps_taken if validated else 0
        error = f"ended by the pruner after step {at}"
        return Result(status=Status.PRUNED, error=error, validated=validated)
    if outcome.killed == "interrupted":
        return Result(status=Status.INTERRUPTED, error="interrupted before it ended")
    if outcome.killed == "timeout":
        error = f"took longer than the limit of {timeout or 0:g} s"
        return Result(status=Status.TIMEOUT, error=error)
    if failure := outcome.failure:
        status = Status.OOM if failure.error.startswith("MemoryError") else Status.FAILED
        return Result(status=status, error=failure.error, traceback=failure.traceback)
    return Result(status=Status.CRASHED, error=outcome.ending)
