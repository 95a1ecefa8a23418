"""Speed of one configuration in one environment."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data
from rnnbench.records.environment import Environment
from rnnbench.records.spec import QUANTITIES_IN_WORDS, Quantity


class Quartiles(Data):
    """Median and quartiles of repeated timings."""

    median: float
    low: float
    high: float


SpeedMode: TypeAlias = Literal["forward", "train", "stream"]


class Ratio(Data):
    """A ratio of two times: the median over fresh processes, and its interval."""

    median: float
    low: float | None
    """``None`` where a single process was timed."""
    high: float | None
    level: float
    """Probability that the interval covers the median over processes; 0 without an interval."""
    processes: PositiveInt
    """Number of processes, each with one median over its pairs of samples."""


NOISY = 0.25
"""Width of the interval of a ratio, relative to its median, above which it counts as noisy."""


class SpeedPoint(Data):
    """Timing of one mode at one sequence length, in turn with the same timing of the comparator."""

    mode: SpeedMode
    length: int
    batch_size: int
    seconds: Quartiles
    """Duration of one forward pass, training step, or streamed time step; all samples."""
    comparator_seconds: Quartiles
    """The same for the comparator."""
    ratio: Ratio
    """Model over comparator, pair by pair; above 1 the model is slower."""

    @property
    def noisy(self) -> bool:
        """Whether the ratio is uncertain by more than a quarter of its median."""
        if self.ratio.low is None or self.ratio.high is None:
            return True
        return self.ratio.high - self.ratio.low > NOISY * self.ratio.median

    @property
    def timesteps_per_second(self) -> float:
        """Time steps of single sequences per second."""
        steps = 1 if self.mode == "stream" else self.length
        return self.batch_size * steps / self.seconds.median


class Kernel(Data):
    """What ran the recurrence in the core's forward pass, by torch's profiler."""

    kind: Literal["fused", "C++ loop", "Python loop", "compiled step", "other"]
    """One call of a library for all steps; a loop over time in torch, or in Python; the compiled
    step of a cell; none of them, e.g. convolutions or attention.
    """
    operations: tuple[str, ...] = ()
    """torch's recurrent operations, e.g. ``aten::mkldnn_rnn_layer``."""
    dispatched_per_step: float
    """Operations that Python dispatched for each further time step."""

    @property
    def label(self) -> str:
        """Its name in a table, e.g. ``aten::gru (C++ loop)``."""
        operations = " and ".join(self.operations)
        further = f"{self.dispatched_per_step:.3g} operations per step"
        if self.kind == "Python loop":
            return f"Python loop, {further}{f' ({operations})' if operations else ''}"
        if self.kind == "compiled step":
            return "compiled step"
        words = f"{operations} ({self.kind})" if operations else "no recurrent kernel"
        return f"{words}, and {further} from Python" if self.dispatched_per_step >= 1 else words


class Speed(Data):
    """Timings of a configuration in an environment, measured while nothing else of rnnbench ran."""

    comparator: str
    """The model that ratios refer to."""
    comparator_size: PositiveInt | None = None
    """Its hidden size; ``None`` in older records: that of the model."""
    equal: Quantity | None = None
    """The quantity that its hidden size makes equal; ``None``: it has the model's hidden size."""
    points: tuple[SpeedPoint, ...]
    """Model and comparator as built; points at the task's own length come first."""
    plain_points: tuple[SpeedPoint, ...] = ()
    """Plain loop beside the comparator's plain loop, at the task's own length.

    Empty for a model without a plain loop, or where a training step of one is slow.
    """
    kernels: dict[SpeedMode, Kernel] = Field(default_factory=dict)
    """What ran the model as built, in ``train`` and ``forward``."""
    comparator_kernels: dict[SpeedMode, Kernel] = Field(default_factory=dict)
    """The same for the comparator."""
    peak_memory_bytes: int
    dtype: str
    processes: int
    """Number of fresh processes in which the timings were repeated."""
    environment: Environment

    @property
    def against(self) -> str:
        """The comparator in words: ``lstm``, or ``lstm of equal parameters``."""
        if self.equal is None:
            return self.comparator
        return f"{self.comparator} of equal {QUANTITIES_IN_WORDS[self.equal]}"

    def at_own_length(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` as built, at the task's own length, or ``None``."""
        return _of_mode(self.points, mode)

    def plain_loop(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` of the plain loops, or ``None``."""
        return _of_mode(self.plain_points, mode)


def _of_mode(points: tuple[SpeedPoint, ...], mode: SpeedMode) -> SpeedPoint | None:
    return next((point for point in points if point.mode == mode), None)
