"""Measures of the speed pass, which are taken once for all seeds."""

from __future__ import annotations

import math
import statistics
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnbench.claims.effects import Moments
from rnnbench.claims.measures.measure import Measure
from rnnbench.records.result import Record
from rnnbench.records.speed import SpeedMode, SpeedPoint


@dataclass(frozen=True)
class SpeedMeasure(Measure):
    """A number of a speed pass, which is measured once for all seeds.

    Its standard error is that over fresh processes, taken from the interval of the ratio to the
    comparator, which is measured in turn with it; the scale is logarithmic.

    Attributes:
        mode: a training step, a forward pass, or one streamed time step.
        plain: the plain loops of model and comparator, in place of the models as built.
        length: of the sequences; ``None`` is the task's own.
    """

    mode: SpeedMode = "train"
    plain: bool = False
    length: int | None = None
    logarithmic = True
    of_speed = True

    def point(self, record: Record) -> SpeedPoint | None:
        """Return the timing; ``None`` where there was none."""
        speed = record.speed
        if speed is None:
            return None
        if self.plain:
            return speed.plain_loop(self.mode)
        if self.length is None:
            return speed.at_own_length(self.mode)
        return next(
            (p for p in speed.points if (p.mode, p.length) == (self.mode, self.length)), None
        )

    @abstractmethod
    def of(self, point: SpeedPoint) -> float:
        """Return the number of a timing."""

    def read(self, record: Record) -> float | None:
        """Return the number; ``None`` where no speed was measured."""
        point = self.point(record)
        return None if point is None else self.of(point)

    def moments(self, records: Sequence[Record], *, logarithms: bool) -> Moments | None:
        """Return the logarithm of the number, with its error over processes."""
        del logarithms
        point = next((found for each in records if (found := self.point(each))), None)
        if point is None or not point.ratio.low or not point.ratio.high:
            return None
        processes = point.ratio.processes
        if processes < 2 or not 0 < point.ratio.level < 1:
            return None
        half = math.log(point.ratio.high / point.ratio.low) / 2
        normal = statistics.NormalDist().inv_cdf((1 + point.ratio.level) / 2)
        error = max(half / normal, _LEAST_TIMING_ERROR)
        return Moments(math.log(self.of(point)), error, processes - 1, processes)


_UPPER_QUARTILE = statistics.NormalDist().inv_cdf(0.75)
_OF_A_MEDIAN = math.sqrt(math.pi / 2)
"""Standard error of a median of normal values over that of their mean."""
_LEAST_TIMING_ERROR = 0.01
"""Relative error of a timing below which none is believed, on machines that others use too."""


@dataclass(frozen=True)
class SpeedRatio(SpeedMeasure):
    """Time over that of the comparator, measured in turn with it; above 1 is slower."""

    name = "time over the comparator's"

    def of(self, point: SpeedPoint) -> float:
        """Return the ratio."""
        return point.ratio.median

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this ratio, known to 3 %."""
        return _with_point(record, self, ratio=value, seconds=None)


@dataclass(frozen=True)
class StepTime(SpeedMeasure):
    """Seconds of one step; for exponents over lengths or sizes, within one run and machine.

    Unlike a ratio, a time changes with the load and the clock of the machine, also from one process
    to the next. Its error is therefore at least that of a median over processes whose times scatter
    as single samples do: 1.25 standard deviations, from the quartiles as for normal samples, over
    the root of the number of processes.
    """

    name = "seconds"
    si_unit = "s"

    def of(self, point: SpeedPoint) -> float:
        """Return the median time."""
        return point.seconds.median

    def moments(self, records: Sequence[Record], *, logarithms: bool) -> Moments | None:
        """Return the logarithm of the time, with the larger one of both errors."""
        moments = super().moments(records, logarithms=logarithms)
        point = next((found for each in records if (found := self.point(each))), None)
        if moments is None or point is None or not point.seconds.low > 0:
            return None
        half = math.log(point.seconds.high / point.seconds.low) / 2
        deviation = half / _UPPER_QUARTILE
        scatter = _OF_A_MEDIAN * deviation / math.sqrt(point.ratio.processes)
        return replace(moments, error=max(moments.error, scatter))

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this time, known to 3 %."""
        return _with_point(record, self, ratio=1.0, seconds=value)


@dataclass(frozen=True)
class PeakMemory(Measure):
    """Peak memory of the speed pass in bytes, above that before the first step."""

    name = "peak memory in bytes"
    si_unit = "B"
    logarithmic = True
    of_speed = True

    def read(self, record: Record) -> float | None:
        """Return the memory; ``None`` where no speed was measured."""
        return None if record.speed is None else float(record.speed.peak_memory_bytes)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this memory."""
        assert record.speed is not None
        speed = record.speed.model_copy(update={"peak_memory_bytes": max(1, round(value))})
        return record.model_copy(update={"speed": speed})

    def moments(self, records: Sequence[Record], *, logarithms: bool) -> Moments | None:
        """Return the logarithm of the memory, taken as known to 2 %: it is measured once."""
        del logarithms
        found = self.values(records[:1])
        return Moments(found[0], 0.02, math.inf, 1) if found else None


def _with_point(
    record: Record, measure: SpeedMeasure, *, ratio: float, seconds: float | None
) -> Record:
    old, speed = measure.point(record), record.speed
    assert old is not None
    assert speed is not None
    margin = 0.03
    changes: dict[str, object] = {
        "ratio": old.ratio.model_copy(
            update={
                "median": ratio,
                "low": ratio * math.exp(-margin),
                "high": ratio * math.exp(margin),
                "level": 0.95,
                "processes": 5,
            }
        )
    }
    if seconds is not None:
        changes["seconds"] = old.seconds.model_copy(
            update={"median": seconds, "low": seconds * 0.99, "high": seconds * 1.01}
        )
    new = old.model_copy(update=changes)
    field = "plain_points" if measure.plain else "points"
    points = tuple(new if each is old else each for each in getattr(speed, field))
    return record.model_copy(update={"speed": speed.model_copy(update={field: points})})
