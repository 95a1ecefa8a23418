"""The time that trials will take, from the durations of earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from rnnbench.records.result import Status

if TYPE_CHECKING:
    from rnnbench.records.result import Record
    from rnnbench.records.spec import TrialSpec

_LIKE: tuple[Callable[[TrialSpec], Hashable], ...] = (
    lambda spec: spec.speed_id,
    lambda spec: (spec.task.name, spec.model.name),
)
"""Of earlier trials those of the same network count, else those of the same model and task."""


@dataclass(frozen=True)
class Expected:
    """An estimate of the time of trials.

    Attributes:
        seconds: sum over the trials, as if they ran one after the other.
        earlier: number of earlier trials that it is taken from.
        guessed: number of trials without an earlier one of their model and task, which count as the
            mean of the others.
    """

    seconds: float
    earlier: int
    guessed: int


def expected(specs: Sequence[TrialSpec], records: Iterable[Record]) -> Expected | None:
    """Estimate the time of trials from records of the same networks, or models and tasks.

    The time in optimizer steps is proportional to their number; the rest of a trial (its start,
    validations and probes) takes as long as before. ``None`` where no record is of use.
    """
    known: tuple[dict[Hashable, list[tuple[float, float]]], ...] = tuple({} for _ in _LIKE)
    for record in records:
        if (parts := _parts(record)) is not None:
            for found, like in zip(known, _LIKE, strict=True):
                found.setdefault(like(record.spec), []).append(parts)
    used: dict[tuple[int, Hashable], int] = {}
    times = [_time(spec, known, used) for spec in specs]
    estimated = [time for time in times if time is not None]
    if not estimated:
        return None
    guessed = len(times) - len(estimated)
    seconds = sum(estimated) + guessed * fmean(estimated)
    return Expected(seconds, sum(used.values()), guessed)


def _parts(record: Record) -> tuple[float, float] | None:
    """Return seconds per optimizer step, and the other seconds of a finished trial."""
    result = record.result
    trained = result.learning or result.validated
    if result.status is not Status.DONE or trained is None:
        return None
    steps = trained.steps_taken or record.spec.settings.steps
    return trained.train_seconds / steps, max(0.0, record.seconds - trained.train_seconds)


def _time(
    spec: TrialSpec,
    known: Iterable[dict[Hashable, list[tuple[float, float]]]],
    used: dict[tuple[int, Hashable], int],
) -> float | None:
    for level, (found, like) in enumerate(zip(known, _LIKE, strict=True)):
        if parts := found.get(key := like(spec)):
            used[level, key] = len(parts)
            return fmean(step * spec.settings.steps + rest for step, rest in parts)
    return None
