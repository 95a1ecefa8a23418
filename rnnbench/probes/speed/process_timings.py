"""Timings of one process, as JSON messages, and their merge into a speed record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np

from rnnbench.records.base import Data
from rnnbench.records.environment import Environment
from rnnbench.records.spec import Quantity
from rnnbench.records.speed import Kernel, Quartiles, Ratio, Speed, SpeedMode, SpeedPoint

LEVEL = 0.95
"""Probability with which the interval of a ratio covers, if there are enough processes."""


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
        timings: one per mode and length, model and comparator as built.
        plain_timings: one per mode, plain loop beside the comparator's plain loop; empty where the
            model has no plain loop, or a slow one.
        peak_memory_bytes: peak bytes of live tensors in a training step of the model, at the first
            length.
        dtype: data type of the parameters, e.g. ``"float32"``.
    """

    timings: tuple[RawTiming, ...]
    plain_timings: tuple[RawTiming, ...] = ()
    peak_memory_bytes: int
    dtype: str


class TrialTimings(Data):
    """Message of a process that timed the network of one trial.

    Attributes:
        timings: the timings.
        kernels: what ran the model as built.
        comparator_kernels: what ran the comparator as built.
        environment: the machine and software of the process.
    """

    timings: ProcessTimings
    kernels: dict[SpeedMode, Kernel]
    comparator_kernels: dict[SpeedMode, Kernel]
    environment: Environment


def merge(
    processes: Sequence[TrialTimings],
    *,
    comparator: str,
    comparator_size: int | None = None,
    equal: Quantity | None = None,
) -> Speed:
    """Merge the timings of several fresh processes into one speed record.

    A ratio is the median over processes of the median over the pairs of a process. Memory layout
    and clock differ between processes, which samples within one process do not show, so that the
    interval of a ratio is that of the median over processes. Times in seconds are the median and
    quartiles of the samples of all processes.

    Args:
        processes: at least one. A length that a process had no time for is merged from the others.
        comparator: label of the model that the ratios are relative to.
        comparator_size: its hidden size.
        equal: the quantity that this size makes equal; ``None``: it is that of the model.
    """
    first, found = processes[0], [process.timings for process in processes]
    return Speed(
        comparator=comparator,
        comparator_size=comparator_size,
        equal=equal,
        points=_merged(timing for each in found for timing in each.timings),
        plain_points=_merged(timing for each in found for timing in each.plain_timings),
        kernels=first.kernels,
        comparator_kernels=first.comparator_kernels,
        peak_memory_bytes=max(each.peak_memory_bytes for each in found),
        dtype=first.timings.dtype,
        processes=len(processes),
        environment=first.environment,
    )


def _merged(timings: Iterable[RawTiming]) -> tuple[SpeedPoint, ...]:
    groups: dict[tuple[SpeedMode, int], list[RawTiming]] = {}
    for timing in timings:
        groups.setdefault((timing.mode, timing.length), []).append(timing)
    return tuple(_point(group) for group in groups.values())


def _point(group: Sequence[RawTiming]) -> SpeedPoint:
    first = group[0]
    return SpeedPoint(
        mode=first.mode,
        length=first.length,
        batch_size=first.batch_size,
        seconds=_quartiles(s for timing in group for s in timing.seconds),
        comparator_seconds=_quartiles(s for timing in group for s in timing.comparator_seconds),
        ratio=median_over_processes([median(timing.ratios) for timing in group]),
    )


def median_over_processes(values: Sequence[float]) -> Ratio:
    """Return the median of one value per process, with its interval.

    The interval has the k-th smallest and the k-th largest value as its ends. It covers the median
    of the distribution that the values are independent draws of, whatever that distribution is,
    with a probability of ``1 - 2 P(X < k)``, X binomial with n trials of probability 1/2 (David &
    Nagaraja 2003, Order statistics, section 7.1). k is the largest that gives at least ``LEVEL``,
    or 1: the range of 6 values covers with a probability of 96.9 %, that of 3 with 75 %.
    """
    ordered, n = sorted(values), len(values)
    outside = [2 * sum(math.comb(n, i) for i in range(k)) / 2**n for k in range(1, n // 2 + 1)]
    k = max((k for k, p in enumerate(outside, 1) if 1 - p >= LEVEL), default=1)
    alone = n == 1
    return Ratio(
        median=median(ordered),
        low=None if alone else ordered[k - 1],
        high=None if alone else ordered[n - k],
        level=0.0 if alone else 1 - outside[k - 1],
        processes=n,
    )


def _quartiles(values: Iterable[float]) -> Quartiles:
    low, middle, high = np.quantile(np.fromiter(values, dtype=np.float64), [0.25, 0.5, 0.75])
    return Quartiles(median=float(middle), low=float(low), high=float(high))
