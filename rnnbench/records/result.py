"""Results: what one attempt at a trial measured, and the record that the store keeps of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data
from rnnbench.records.plots import Plot
from rnnbench.records.spec import TrialSpec


class Status(StrEnum):
    """How an attempt ended. Only ``done`` counts as done."""

    DONE = "done"
    DIVERGED = "diverged"
    FAILED = "failed"
    OOM = "oom"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    INCOMPATIBLE = "incompatible"


class Environment(Data):
    """Where an attempt ran; it decides which speeds are comparable and is no part of the identity."""

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
    """Mean over the steps since the point before."""
    validation_loss: float
    validation_score: float


class Learning(Data):
    """How well it learned."""

    score_name: str
    direction: Literal["higher", "lower"]
    score: float
    """Test score of the best-validation checkpoint."""
    test_loss: float
    skill: float
    """``(score - baseline) / (perfect - baseline)``."""
    solved: bool
    steps_to_solve: int | None
    """First validated step whose validation score reached the solved threshold; ``None``: never
    (censored).
    """
    best_step: int
    train_seconds: float
    """Time in optimizer steps, validation excluded."""
    baseline: float
    perfect: float
    solved_threshold: float
    reference_scores: dict[str, float] = Field(default_factory=dict)
    extra_scores: dict[str, float] = Field(default_factory=dict)
    curve: tuple[CurvePoint, ...]


class Size(Data):
    """How big it is."""

    params_encoder: int
    params_core: int
    params_decoder: int
    state_size: int
    """Numbers carried from one step to the next, per sequence."""
    flops_per_step: float
    """Floating-point operations of the core per time step and sequence, forward; a multiply-add
    counts two.
    """

    @property
    def params_total(self) -> int:
        """All trainable parameters."""
        return self.params_encoder + self.params_core + self.params_decoder


Category: TypeAlias = Literal["vanishing", "stable", "exploding"]


FIRST_FITTED_LAG = 5
"""Slopes are fitted from here: nearer lags carry the output path, which is no memory."""


class Profile(Data):
    """One gradient profile G(k) and what was fitted to it."""

    of: Literal["input", "state"]
    when: Literal["init", "trained"]
    direction: Literal["past", "future"] = "past"
    lags: tuple[int, ...]
    values: tuple[float, ...]
    slope: float | None
    """Least-squares slope of ln G per step from lag ``FIRST_FITTED_LAG`` on; ``None`` when fewer
    than two lags could be fitted.
    """
    half_life: float | None
    """``ln 2 / -slope`` in steps; infinite when the gradient does not decay."""
    reach: int
    """Largest lag with G(k) >= 1e-3 max G."""
    category: Category | None


class Gradient(Data):
    """How far the gradient reaches."""

    profiles: tuple[Profile, ...]
    lyapunov_init: tuple[float, ...] = ()
    """Top Lyapunov exponents per step at initialisation, largest first; empty where the state is
    not of fixed size.
    """
    lyapunov_trained: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    """Why a profile is missing, in words."""

    def find(self, of: str, when: str, direction: str = "past") -> Profile | None:
        """Return the profile asked for, or ``None``."""
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
    """One timing: a mode at one sequence length, beside its reference measured in turn with it."""

    mode: SpeedMode
    length: int
    batch_size: int
    seconds: Quartiles
    """Of one forward pass, training step, or streamed time step."""
    reference_seconds: Quartiles
    ratio: Quartiles
    """Model over reference, pair by pair: above 1 is slower than the reference."""

    @property
    def timesteps_per_second(self) -> float:
        """Time steps of single sequences handled per second."""
        steps = 1 if self.mode == "stream" else self.length
        return self.batch_size * steps / self.seconds.median


class Speed(Data):
    """How fast it runs: measured alone, once for a configuration and an environment."""

    reference: str
    points: tuple[SpeedPoint, ...]
    """Those at the task's own length come first."""
    peak_memory_bytes: int
    dtype: str
    processes: int
    """Fresh processes that the timings were repeated in."""
    noisy: bool
    """Whether the timings scattered too much for the ratio to be trusted."""
    environment: Environment

    def at_own_length(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` at the task's own length, or ``None``."""
        return next((point for point in self.points if point.mode == mode), None)


class RecordedCitation(Data):
    """A reference as recorded: which architecture or task it belongs to, and where to read it."""

    of: str
    key: str
    title: str
    venue: str = ""
    url: str = ""


class DataSize(Data):
    """How much data a trial was trained, validated and tested on, in sequences."""

    train: PositiveInt | None
    """``None`` where every batch is drawn anew."""
    validation: PositiveInt
    test: PositiveInt
    bytes: PositiveInt
    """Of inputs and targets, of all the sequences above."""


class Result(Data):
    """What a trial's own process sends home: everything measured outside the speed pass."""

    status: Status
    error: str | None = None
    """One line."""
    traceback: str | None = None
    learning: Learning | None = None
    size: Size | None = None
    gradient: Gradient | None = None
    drawings: tuple[Plot, ...] = ()
    data_size: DataSize | None = None
    data_checksums: dict[str, str] = Field(default_factory=dict)
    """Of data that did not come from a file option, such as a hub data set; those of files are in
    the task's identity.
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
    """Whole attempt by a monotonic clock, process start included."""
    command: str = ""
    """The command line that asked for it."""
    log: str = ""
    """What the trial's process wrote to stdout and stderr, bounded."""
    speed: Speed | None = None
    """Joined by the store from the speed pass of the same configuration, where there was one."""
