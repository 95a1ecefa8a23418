"""Measures: what a claim reads of each trial.

A measure reads a number from a record, and can write one into a record. The latter makes the
simulated records on which ``rnnbench check`` tries a claim's rule.
"""

from __future__ import annotations

import math
import statistics
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from rnnbench.claims.effects import Moments
from rnnbench.records.base import Data
from rnnbench.records.gradient import FIRST_FITTED_LAG, Profile
from rnnbench.records.result import Record, Result, Status
from rnnbench.records.speed import SpeedMode, SpeedPoint


class Measure(ABC):
    """A number of each trial.

    Derive from it to measure something else; a frozen dataclass with ``read`` and ``write``.
    """

    name: ClassVar[str]
    """Its name with the unit, for axes and tables."""
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


class LearningMeasure(Measure):
    """A number of a trial that trained to the end, or diverged."""

    field: ClassVar[str]
    """Its field in :class:`rnnbench.records.result.Learning`."""
    of_diverged: ClassVar[float | None] = None
    """Its value for a trial whose loss became infinite or NaN; ``None``: it has none."""

    def read(self, record: Record) -> float | None:
        """Return the number; that of a diverged trial is :attr:`of_diverged`."""
        if record.result.status is Status.DIVERGED:
            return self.of_diverged
        learning = record.result.learning
        value = None if learning is None else getattr(learning, self.field)
        return None if value is None else float(value)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this number."""
        return _with(record, "learning", **{self.field: value})


class Skill(LearningMeasure):
    """Test skill: 0 is the task's baseline, 1 is perfect; a diverged trial has 0."""

    name = "skill"
    field = "skill"
    of_diverged = 0.0
    resolution = 0.01


@dataclass(frozen=True)
class Score(LearningMeasure):
    """Test score in the task's unit.

    Attributes:
        resolution: standard deviation over trials below which none is believed.
    """

    resolution: float = 0.0  # type: ignore[misc]
    name = "test score"
    field = "score"


class Solved(LearningMeasure):
    """1 for a trial that solved the task, else 0."""

    name = "solved (1) or not (0)"
    binary = True
    field = "solved"
    of_diverged = 0.0
    resolution = 0.2

    def write(self, record: Record, value: float) -> Record:
        """Return the record with 1 for a value from 0.5 on."""
        return _with(record, "learning", solved=value >= 0.5)


class ClippedShare(LearningMeasure):
    """Share of the optimizer steps whose gradient was clipped."""

    name = "share of clipped steps"
    field = "clipped_share"


class OverfitGap(LearningMeasure):
    """Validation loss minus training loss at the last validation: how far a model overfits."""

    name = "validation loss minus training loss"
    field = "curve"

    def read(self, record: Record) -> float | None:
        """Return the gap; ``None`` without a curve."""
        learning = record.result.learning
        if learning is None or not learning.curve:
            return None
        last = learning.curve[-1]
        return last.validation_loss - last.train_loss

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this gap, at its training loss."""
        assert record.result.learning is not None
        *before, last = record.result.learning.curve
        changed = last.model_copy(update={"validation_loss": last.train_loss + value})
        return _with(record, "learning", curve=(*before, changed))


@dataclass(frozen=True)
class Diverged(Measure):
    """1 for a trial whose loss became infinite or NaN, 0 for one that trained to the end.

    Attributes:
        below: a trial that trained to the end has diverged as well if the skill of its last weights
            is below this. A bounded state keeps the loss finite however large the weights are; -1
            is an error twice that of the task's baseline, where the score is an error and a perfect
            one is 0.
    """

    below: float = -math.inf
    name = "diverged (1) or not (0)"
    binary = True
    resolution = 0.2

    def read(self, record: Record) -> float | None:
        """Return 0 or 1; ``None`` for a trial that failed otherwise."""
        if record.result.status is Status.DIVERGED:
            return 1.0
        if record.result.status is not Status.DONE:
            return None
        learning = record.result.learning
        if learning is None or math.isinf(self.below):
            return 0.0
        skill = (learning.last_score - learning.baseline) / (learning.perfect - learning.baseline)
        return float(not skill >= self.below)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this end, diverged for a value from 0.5 on."""
        status = Status.DIVERGED if value >= 0.5 else Status.DONE
        return _replaced(record, status=status)


@dataclass(frozen=True)
class CoreParameters(Measure):
    """Trainable parameters, which have no chance in them.

    The formula of a gated layer with input width D and H units counts, for each gate, both matrices
    and its biases, and further vectors of the layer: ``gates * (H * (D + H) + biases * H) +
    vectors * H``.

    Attributes:
        gates: blocks of rows of the matrices, 4 for an LSTM, 3 for a GRU; above 0 the number of
            parameters is divided by the formula.
        biases: bias vectors of each gate: 1 in the equations, 2 in torch's layers.
        vectors: further vectors of H numbers, e.g. 3 for peepholes.
        directions: layers side by side, 2 for a bidirectional core.
        input_size: D; 0 is the setting ``embedding_size``, and where that is unset the hidden size.
    """

    gates: int = 0
    biases: int = 2
    vectors: int = 0
    directions: int = 1
    input_size: int = 0
    name = "parameters of the core"
    exact = True

    def __post_init__(self) -> None:
        if self.gates:
            object.__setattr__(self, "name", "parameters of the core over the formula's")

    def _unit(self, record: Record) -> float:
        if not self.gates:
            return 1.0
        hidden = record.spec.model.hidden_size
        width = self.input_size or record.spec.settings.embedding_size or hidden
        of_gates = self.gates * (hidden * (width + hidden) + self.biases * hidden)
        return float(self.directions * (of_gates + self.vectors * hidden))

    def read(self, record: Record) -> float | None:
        """Return the number, or its ratio to the formula."""
        size = record.result.size
        return None if size is None else size.params_core / self._unit(record)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this number."""
        return _with(record, "size", params_core=round(value * self._unit(record)))


class Steps(LearningMeasure):
    """First validated step at which the task was solved; that of all steps where it never was."""

    name = "steps to solve"
    field = "steps_to_solve"

    def read(self, record: Record) -> float | None:
        """Return the step; the number of steps for a trial that solved nothing."""
        if record.result.status not in (Status.DONE, Status.DIVERGED):
            return None
        found = super().read(record)
        return float(record.spec.settings.steps) if found is None else found

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this step, at most the number of steps."""
        steps = record.spec.settings.steps
        return _with(record, "learning", steps_to_solve=round(value) if value < steps else None)


# -- gradients

When = Literal["init", "trained"]
Of = Literal["input", "state"]


@dataclass(frozen=True)
class _OfProfile(Measure):
    """A number of a gradient profile.

    Attributes:
        of: ``state``: of the full state; ``input``: of the core's input.
        when: at initialisation or after training.
    """

    of: Of = "state"
    when: When = "init"

    def profile(self, record: Record) -> Profile | None:
        """Return the profile towards the past."""
        gradient = record.result.gradient
        return None if gradient is None else gradient.find(self.of, self.when)

    def changed(self, record: Record, **values: Any) -> Record:
        """Return the record with these values in the profile."""
        gradient, old = record.result.gradient, self.profile(record)
        assert gradient is not None
        assert old is not None
        new = old.model_copy(update=values)
        profiles = tuple(new if each is old else each for each in gradient.profiles)
        return _replaced(record, gradient=gradient.model_copy(update={"profiles": profiles}))


@dataclass(frozen=True)
class GradientSlope(_OfProfile):
    """Slope of ln G per step of lag: below 0 the gradient vanishes, above 0 it explodes."""

    name = "slope of ln G per step"
    resolution = 1e-4

    def read(self, record: Record) -> float | None:
        """Return the slope; ``None`` where none could be fitted."""
        profile = self.profile(record)
        return None if profile is None else profile.slope

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this slope."""
        return self.changed(record, slope=value)


@dataclass(frozen=True)
class GradientFactor(_OfProfile):
    """Factor of G per step of lag, ``exp`` of the slope of ln G; also where G grows."""

    name = "factor of G per step"
    resolution = 1e-4

    def read(self, record: Record) -> float | None:
        """Return the factor; ``None`` where no slope could be fitted."""
        profile = self.profile(record)
        return None if profile is None or profile.slope is None else math.exp(profile.slope)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with the slope of this factor."""
        return self.changed(record, slope=math.log(value))


@dataclass(frozen=True)
class GradientSteadiness(_OfProfile):
    """Slope of ln G over the more distant half of the lags, over that over the nearer half.

    It is 1 for an exponential. A power of the lag has a flatter slope at distant lags: for
    ``G = 1 / k`` and lags 5 to 200 it is 0.28.
    """

    name = "slope of ln G, distant lags over near ones"
    resolution = 1e-3

    def read(self, record: Record) -> float | None:
        """Return the ratio; ``None`` with fewer than 8 lags, or where the near slope is 0."""
        profile = self.profile(record)
        if profile is None:
            return None
        near, distant = self._halves(profile)
        if len(near) < _FEWEST_OF_A_SLOPE:
            return None
        slopes = [_log_slope(half) for half in (near, distant)]
        return slopes[1] / slopes[0] if slopes[0] else None

    def write(self, record: Record, value: float) -> Record:
        """Return the record with values of this ratio, which halve every 7 steps at near lags."""
        profile = self.profile(record)
        assert profile is not None
        even = tuple(math.exp(-0.1 * lag) for lag in profile.lags)
        near, _ = self._halves(profile.model_copy(update={"values": even}))
        knot = near[-1][0]
        return self.changed(
            record,
            values=tuple(
                math.exp(-0.1 * (min(lag, knot) + value * max(0, lag - knot)))
                for lag in profile.lags
            ),
        )

    @staticmethod
    def _halves(profile: Profile) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """Return the fitted lags with their G, in two halves."""
        fitted = [
            (lag, value)
            for lag, value in zip(profile.lags, profile.values, strict=True)
            if lag >= FIRST_FITTED_LAG and sys.float_info.min <= value < math.inf
        ]
        middle = len(fitted) // 2
        return fitted[:middle], fitted[middle:]


_FEWEST_OF_A_SLOPE = 4


def _log_slope(points: Sequence[tuple[int, float]]) -> float:
    lags, values = zip(*points, strict=True)
    return statistics.linear_regression(lags, [math.log(value) for value in values]).slope


@dataclass(frozen=True)
class GradientHalfLife(_OfProfile):
    """Steps in which the gradient halves; infinite, and left out, where it does not decay.

    Attributes:
        logarithmic: take its logarithm also for a slope, which is then an exponent.
    """

    logarithmic: bool = False  # type: ignore[misc]
    name = "half-life of the gradient in steps"
    resolution = 1e-3

    def read(self, record: Record) -> float | None:
        """Return the half-life; ``None`` where no slope could be fitted."""
        profile = self.profile(record)
        return None if profile is None else profile.half_life

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this half-life and its slope."""
        return self.changed(record, half_life=value, slope=-math.log(2) / value)


@dataclass(frozen=True)
class GradientAtLag(_OfProfile):
    """G at a lag over the largest G, which says what share of the gradient reaches so far.

    Attributes:
        lag: in steps; the nearest one that was measured is taken.
    """

    lag: int = 50
    name = "gradient at a distant lag over its maximum"
    resolution = 1e-3

    def read(self, record: Record) -> float | None:
        """Return the share; ``None`` without a profile."""
        profile = self.profile(record)
        if profile is None or not profile.values or not max(profile.values):
            return None
        return profile.values[self._place(profile)] / max(profile.values)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this share."""
        profile = self.profile(record)
        assert profile is not None
        values = list(profile.values)
        values[self._place(profile)] = value * max(values)
        return self.changed(record, values=tuple(values))

    def _place(self, profile: Profile) -> int:
        return min(range(len(profile.lags)), key=lambda i: abs(profile.lags[i] - self.lag))


@dataclass(frozen=True)
class Lyapunov(Measure):
    """Largest Lyapunov exponent of the state per step; above 0 perturbations grow.

    Attributes:
        when: at initialisation or after training.
    """

    when: When = "init"
    name = "largest Lyapunov exponent per step"
    resolution = 1e-4

    def read(self, record: Record) -> float | None:
        """Return the exponent; ``None`` where it was not measured."""
        gradient = record.result.gradient
        found = () if gradient is None else getattr(gradient, f"lyapunov_{self.when}")
        return found[0] if found else None

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this exponent."""
        return _with(record, "gradient", **{f"lyapunov_{self.when}": (value,)})


# -- speed


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


# -- writing


def _replaced(record: Record, **fields: object) -> Record:
    result: Result = record.result.model_copy(update=fields)
    return record.model_copy(update={"result": result})


def _with(record: Record, part: str, **fields: object) -> Record:
    data: Data | None = getattr(record.result, part)
    assert data is not None, f"the record has no {part}"
    return _replaced(record, **{part: data.model_copy(update=fields)})


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
