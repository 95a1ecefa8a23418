"""What every measure has, and how a record is changed."""

from __future__ import annotations

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rnnbench.claims.effects import Moments
from rnnbench.records.base import Data
from rnnbench.records.result import Record, Result


class Measure(ABC):
    """A number of each trial.

    Derive from it to measure something else; a frozen dataclass with ``read`` and ``write``.
    """

    name: ClassVar[str]
    """Its name with the unit, for axes and tables."""
    si_unit: ClassVar[str] = ""
    """Unit that figures write with a prefix, ``s`` or ``B``; empty: plain numbers."""
    resolution: ClassVar[float] = 0.0
    """Standard deviation over trials below which none is believed, on the effect's scale.

    A score of 2,000 test sequences has an error of its own, even where five seeds agree.
    """
    exact: ClassVar[bool] = False
    """Whether it has no chance in it, like a number of parameters: one trial tells it."""
    of_speed: ClassVar[bool] = False
    """Whether it needs the speed pass, which takes its time and runs alone on the machine."""
    logarithmic: ClassVar[bool] = False
    """Whether its logarithm is taken first, also for an effect that is a sum: for exponents."""

    binary: ClassVar[bool] = False
    """Whether it is 0 or 1, so that its mean is a share of the trials."""

    @abstractmethod
    def read(self, record: Record) -> float | None:
        """Return the number of a trial; ``None`` where the record does not have it."""

    @abstractmethod
    def write(self, record: Record, value: float) -> Record:
        """Return the record with this number in the place that :meth:`read` reads."""

    def moments(self, records: Sequence[Record], *, logarithms: bool) -> Moments | None:
        """Return mean and standard error over trials; ``None`` for too few of them.

        Args:
            records: the trials of a group, which differ in their seeds.
            logarithms: whether the mean is one of logarithms.
        """
        values = self.values(records, logarithms=logarithms)
        if not values:
            return None
        centre = statistics.fmean(values)
        if self.exact:
            # a number that differs between trials is not exact
            error = 0.0 if max(values) == min(values) else math.inf
            return Moments(centre, error, math.inf, len(values))
        if len(values) < 2:
            return None
        spread = max(statistics.stdev(values), self.resolution)
        return Moments(centre, spread / math.sqrt(len(values)), len(values) - 1, len(values))

    def values(self, records: Iterable[Record], *, logarithms: bool = False) -> list[float]:
        """Return the finite numbers of the trials that have one."""
        found = (self.read(record) for record in records)
        finite = [value for value in found if value is not None and math.isfinite(value)]
        if logarithms or self.logarithmic:
            return [math.log(value) for value in finite if value > 0]
        return finite


def replaced(record: Record, **fields: object) -> Record:
    result: Result = record.result.model_copy(update=fields)
    return record.model_copy(update={"result": result})


def with_part(record: Record, part: str, **fields: object) -> Record:
    data: Data | None = getattr(record.result, part)
    assert data is not None, f"the record has no {part}"
    return replaced(record, **{part: data.model_copy(update=fields)})
