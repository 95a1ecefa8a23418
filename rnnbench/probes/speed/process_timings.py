"""Timings of one process, as JSON messages, and their merge into a speed record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rnnbench.records.base import Data
from rnnbench.records.result import Environment, Quartiles, Speed, SpeedMode, SpeedPoint

NOISY = 0.25
"""Spread of a ratio, relative to its median, above which a speed is marked noisy."""


class RawTiming(Data):
    """Samples of one mode at one length.

    Attributes:
        mode: what one call does.
        length: number of time steps T.
        batch_size: sequences per call.
        seconds: seconds per call of the model, one entry per pair of samples.
        comparator_seconds: seconds per call of the comparator, in the same pairs.
    """

    mode: SpeedMode
    length: int
    batch_size: int
    seconds: tuple[float, ...]
    comparator_seconds: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Time of the model divided by time of the comparator, for each pair."""
        return tuple(a / b for a, b in zip(self.seconds, self.comparator_seconds, strict=True))


class ProcessTimings(Data):
    """Timings of one process.

    Attributes:
        timings: one per mode and length.
        peak_memory_bytes: peak bytes of live tensors in a training step of the model, at the first
            length.
        dtype: data type of the parameters, e.g. ``"float32"``.
    """

    timings: tuple[RawTiming, ...]
    peak_memory_bytes: int
    dtype: str


class TrialTimings(Data):
    """Message of a process that timed the network of one trial.

    Attributes:
        timings: the timings.
        length: the task's own number of time steps.
        environment: the machine and software of the process.
    """

    timings: ProcessTimings
    length: int
    environment: Environment


def merge(
    processes: Sequence[ProcessTimings], *, comparator: str, length: int, environment: Environment
) -> Speed:
    """Merge the timings of several fresh processes into one speed record.

    Samples and pairwise ratios of all processes are pooled and summarised by median and quartiles.
    The record is marked noisy if, in any mode at the task's own ``length``, the interquartile range
    of the ratio exceeds a quarter of its median, or the medians of the processes differ by more
    than that. Memory layout and clock differ between processes, which samples within one process
    do not show.

    Args:
        processes: at least one. A length that a process had no time for is merged from the others.
        comparator: label of the model that the ratios are relative to.
        length: the task's own number of time steps.
        environment: machine and software of the processes.
    """
    groups: dict[tuple[SpeedMode, int], list[RawTiming]] = {}
    for process in processes:
        for timing in process.timings:
            groups.setdefault((timing.mode, timing.length), []).append(timing)
    return Speed(
        comparator=comparator,
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
        seconds=_quartiles(s for timing in group for s in timing.seconds),
        comparator_seconds=_quartiles(s for timing in group for s in timing.comparator_seconds),
        ratio=_quartiles(r for timing in group for r in timing.ratios),
    )


def _is_noisy(group: Sequence[RawTiming]) -> bool:
    ratio = _quartiles(r for timing in group for r in timing.ratios)
    medians = [_quartiles(timing.ratios).median for timing in group]
    return max(ratio.high - ratio.low, max(medians) - min(medians)) > NOISY * ratio.median


def _quartiles(values: Iterable[float]) -> Quartiles:
    low, median, high = np.quantile(np.fromiter(values, dtype=np.float64), [0.25, 0.5, 0.75])
    return Quartiles(median=float(median), low=float(low), high=float(high))
