"""Raw timings that cross a process boundary as JSON, and how those of several processes become a
record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rnnbench.records.base import Data
from rnnbench.records.result import Environment, Quartiles, Speed, SpeedMode, SpeedPoint

NOISY = 0.25
"""Scatter of a ratio, relative to its median, from which it is not to be trusted."""


class RawTiming(Data):
    """Samples of one mode at one length; entry i of both tuples was taken in pair i. Seconds per
    call.
    """

    mode: SpeedMode
    length: int
    batch_size: int
    seconds: tuple[float, ...]
    reference_seconds: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Model over reference, pair by pair."""
        return tuple(a / b for a, b in zip(self.seconds, self.reference_seconds, strict=True))


class ProcessTimings(Data):
    """All that one process measured."""

    timings: tuple[RawTiming, ...]
    peak_memory_bytes: int
    """Most bytes of tensors alive at once in a training step of the model, at the first length."""
    dtype: str


class TrialTimings(Data):
    """What one process that timed a trial's network sends home."""

    timings: ProcessTimings
    length: int
    """The task's own number of time steps."""
    environment: Environment


def merge(
    processes: Sequence[ProcessTimings], *, reference: str, length: int, environment: Environment
) -> Speed:
    """Make one record of the timings of several fresh processes.

    Samples and pairwise ratios of all processes are pooled, and told as median and quartiles. The
    record is noisy when, in any mode at the task's own ``length``, the interquartile range of the
    ratio exceeds a quarter of its median, or the processes' own median ratios lie further apart
    than that: memory layout and clock differ between processes, and no number of samples within one
    process shows it.

    Args:
        processes: at least one; a length that some had no time for is made of the others.
        reference: label of the reference model.
        length: the task's own number of time steps.
        environment: where the timings were taken.
    """
    groups: dict[tuple[SpeedMode, int], list[RawTiming]] = {}
    for process in processes:
        for timing in process.timings:
            groups.setdefault((timing.mode, timing.length), []).append(timing)
    return Speed(
        reference=reference,
        points=tuple(_pooled(group) for group in groups.values()),
        peak_memory_bytes=max(process.peak_memory_bytes for process in processes),
        dtype=processes[0].dtype,
        processes=len(processes),
        noisy=any(_is_noisy(group) for (_, at), group in groups.items() if at == length),
        environment=environment,
    )


def _pooled(group: Sequence[RawTiming]) -> SpeedPoint:
    first = group[0]
    return SpeedPoint(
        mode=first.mode,
        length=first.length,
        batch_size=first.batch_size,
        seconds=_interval(s for timing in group for s in timing.seconds),
        reference_seconds=_interval(s for timing in group for s in timing.reference_seconds),
        ratio=_interval(r for timing in group for r in timing.ratios),
    )


def _is_noisy(group: Sequence[RawTiming]) -> bool:
    ratio = _interval(r for timing in group for r in timing.ratios)
    medians = [_interval(timing.ratios).median for timing in group]
    return max(ratio.high - ratio.low, max(medians) - min(medians)) > NOISY * ratio.median


def _interval(values: Iterable[float]) -> Quartiles:
    low, median, high = np.quantile(np.fromiter(values, dtype=np.float64), [0.25, 0.5, 0.75])
    return Quartiles(median=float(median), low=float(low), high=float(high))
