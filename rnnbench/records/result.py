"""Results of one attempt at a trial, and the record that the store keeps of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line
from rnnbench.records.plots import Plot
from rnnbench.records.spec import TrialSpec


class Status(StrEnum):
    """Outcome of an attempt; only ``done`` counts as done."""

    DONE = "done"
    DIVERGED = "diverged"
    FAILED = "failed"
    OOM = "oom"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    INCOMPATIBLE = "incompatible"


class Environment(Data):
    """Hardware and software of an attempt; decides which speeds are comparable, not identity."""

    device: str
    """``"cpu"`` or the GPU's name."""
    processor: str
    cores: int
    threads: int
    memory_bytes: int
    platform: str
    python_version: str
    torch_version: str
    lightning_version: str
    rnnbench_version: str
    deterministic: bool = True


class CurvePoint(Data):
    """One validation during training."""

    step: int
    seconds: float
    """Training time so far, validation excluded."""
    train_loss: float
    """Mean over the steps since the previous point."""
    validation_loss: float
    validation_score: float


class Learning(Data):
    """Scores of training: how well the model learned."""

    score_name: str
    direction: Literal["higher", "lower"]
    score: float
    """Test score of the best-validation checkpoint."""
    test_loss: float
    skill: float
    """``(score - baseline) / (perfect - baseline)``."""
    solved: bool
    unsolvable: Line | None = None
    """Reason why no score on the task's data counts as solved."""
    steps_to_solve: int | None
    """First validated step whose validation score reached ``solved_threshold``.

    ``None`` when no step did (censored).
    """
    best_step: int
    train_seconds: float
    """Time in optimizer steps, validation excluded."""
    baseline: float
    perfect: float
    solved_threshold: float
    simple_scores: dict[str, float] = Field(default_factory=dict)
    extra_scores: dict[str, float] = Field(default_factory=dict)
    curve: tuple[CurvePoint, ...]


class Size(Data):
    """Parameters, state and arithmetic of a network."""

    params_encoder: int
    params_core: int
    params_decoder: int
    state_size: int
    """Numbers carried from one step to the next, per sequence."""
    flops_per_step: float
    """Floating-point operations of the core's forward pass per time step and sequence.

    A multiply-add counts two.
    """

    @property
    def params_total(self) -> int:
        """The number of trainable parameters."""
        return self.params_encoder + self.params_core + self.params_decoder


Category: TypeAlias = Literal["vanishing", "stable", "exploding"]


FIRST_FITTED_LAG = 5
"""Slopes are fitted from here: nearer lags contain the output path, which is not memory."""


class Profile(Data):
    """One gradient profile G(k) and the fit to it."""

    of: Literal["input", "state"]
    when: Literal["init", "trained"]
    direction: Literal["past", "future"] = "past"
    lags: tuple[int, ...]
    values: tuple[float, ...]
    slope: float | None
    """Least-squares slope of ln G per step from lag ``FIRST_FITTED_LAG`` on.

    ``None`` when fewer than two lags could be fitted.
    """
    half_life: float | None
    """``ln 2 / -slope`` in steps; infinite when the gradient does not decay."""
    reach: int
    """Largest lag with G(k) >= 1e-3 max G."""
    category: Category | None


class Gradient(Data):
    """Gradient profiles and Lyapunov exponents: how far the gradient reaches."""

    profiles: tuple[Profile, ...]
    lyapunov_init: tuple[float, ...] = ()
    """Top Lyapunov exponents per step at initialisation, largest first.

    Empty where the size of the state is not fixed.
    """
    lyapunov_trained: tuple[float, ...] = ()
    notes: tuple[Line, ...] = ()
    """Reasons why a profile is missing."""

    def find(self, of: str, when: str, direction: str = "past") -> Profile | None:
        """Return the profile of these properties, or ``None``."""
        for profile in self.profiles:
            if (profile.of, profile.when, profile.direction) == (of, when, direction):
                return profile
        return None


class Quartiles(Data):
    """Median and quartiles of repeated timings."""

    median: float
    low: float
    high: float


SpeedMode: TypeAlias = Literal["forward", "train", "stream"]


class SpeedPoint(Data):
    """Timing of one mode at one sequence length, in turn with the same timing of the comparator."""

    mode: SpeedMode
    length: int
    batch_size: int
    seconds: Quartiles
    """Duration of one forward pass, training step, or streamed time step."""
    comparator_seconds: Quartiles
    """The same for the comparator."""
    ratio: Quartiles
    """Model over comparator, pair by pair; above 1 the model is slower."""

    @property
    def timesteps_per_second(self) -> float:
        """Time steps of single sequences per second."""
        steps = 1 if self.mode == "stream" else self.length
        return self.batch_size * steps / self.seconds.median


class Speed(Data):
    """Timings of a configuration in an environment, measured while nothing else of rnnbench ran."""

    comparator: str
    """The model that ratios refer to."""
    points: tuple[SpeedPoint, ...]
    """Points at the task's own length come first."""
    peak_memory_bytes: int
    dtype: str
    processes: int
    """Number of fresh processes in which the timings were repeated."""
    noisy: bool
    """Whether the timings scatter too much for the ratio to be reliable."""
    environment: Environment

    def at_own_length(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` at the task's own length, or ``None``."""
        return next((point for point in self.points if point.mode == mode), None)


class RecordedCitation(Data):
    """A citation of an architecture or task, as recorded."""

    of: str
    """Name of the architecture or task."""
    key: str
    title: str
    venue: str = ""
    url: str = ""


class DataSize(Data):
    """Numbers of sequences that a trial was trained, validated and tested on."""

    train: PositiveInt | None
    """``None`` where every batch is generated."""
    validation: PositiveInt
    test: PositiveInt
    bytes: PositiveInt
    """Total size of inputs and targets of these sequences."""


class Result(Data):
    """Everything that a trial's process measures; speed is measured separately."""

    status: Status
    error: Line | None = None
    traceback: str | None = None
    learning: Learning | None = None
    size: Size | None = None
    gradient: Gradient | None = None
    plots: tuple[Plot, ...] = ()
    data_size: DataSize | None = None
    data_checksums: dict[str, str] = Field(default_factory=dict)
    """Checksums of data that no file option names, e.g. of a hub data set.

    Those of data files are part of the task's identity.
    """
    citations: tuple[RecordedCitation, ...] = ()
    environment: Environment | None = None


class Record(Data):
    """The durable result of one attempt at a trial."""

    trial_id: str
    attempt: PositiveInt
    """1 for the first attempt at this trial, 2 for the next, and so on."""
    spec: TrialSpec
    result: Result
    started_at: str
    """UTC, ISO 8601."""
    seconds: float
    """Duration of the attempt by a monotonic clock, process start included."""
    command: str = ""
    """The command line that started it."""
    log: str = ""
    """Output of the trial's process on stdout and stderr, bounded."""
    speed: Speed | None = None
    """Added by the store from the speed pass of the same configuration, if there was one."""
