"""What a trial leaves behind: plain data, validated by pydantic, free of torch.

The store keeps these as JSON; statistics and reports read nothing else.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

RECORD_SCHEMA = 1
"""Raised whenever the meaning of a trial's identity or of a record changes."""

OptionValue: TypeAlias = bool | int | float | str | None

QUOTES = "\"'"
"""Either may enclose an option's value that holds commas, brackets or spaces at its ends."""


class Data(BaseModel):
    """Base of everything recorded: immutable, nothing unknown, NaN and infinities kept (as JSON strings)."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", protected_namespaces=())


def content_hash(content: Any) -> str:
    """Return 16 hexadecimal digits that identify ``content`` (JSON-serialisable), independent of key order."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


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


class Provider(Data):
    """The distribution that a plugin came from."""

    distribution: str
    version: str


class Settings(Data):
    """What a comparison holds equal: the budget and the trainer's settings."""

    steps: PositiveInt = Field(default=1000, description="optimizer steps")
    batch_size: PositiveInt = Field(default=64, description="sequences per step")
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False, description="learning rate")
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = Field(default="adam", description="optimizer")
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="weight decay")
    clip_norm: float | None = Field(default=1.0, gt=0, allow_inf_nan=False, description="gradient norm is clipped to this")
    embedding_size: PositiveInt | None = Field(default=None, description="embedding width; min(vocab, hidden_size) if unset")
    validate_every: PositiveInt | None = Field(default=None, description="steps between validations; steps/20 if unset")
    validation_size: PositiveInt = Field(default=500, description="generated validation sequences")
    test_size: PositiveInt = Field(default=2000, description="generated test sequences")
    precision: Literal["32", "64", "bf16-mixed"] = Field(default="32", description="Lightning's precision")

    @property
    def validation_interval(self) -> int:
        """Steps between two validations."""
        return self.validate_every or max(1, self.steps // 20)


class TaskSpec(Data):
    """A task with every option resolved."""

    name: str
    version: int
    provider: Provider
    options: dict[str, OptionValue]
    shown: dict[str, OptionValue] = {}
    """The options that differ from their defaults: what a person would type."""
    checksums: dict[str, str] = {}
    """SHA-256 of each data file, by option; in the identity it stands in place of the path."""

    def identity(self) -> dict[str, Any]:
        """Return what defines the task; paths are replaced by checksums of their content."""
        options = {name: value for name, value in self.options.items() if name not in self.checksums}
        return {"name": self.name, "version": self.version, "provider": self.provider.model_dump(),
                "options": options, "checksums": self.checksums}  # fmt: skip

    @property
    def task_id(self) -> str:
        """Identify what scores may be compared with each other."""
        return content_hash(self.identity())

    @property
    def label(self) -> str:
        """The task as a person would type it, its data files by their names alone."""
        return with_options(self.name, {name: self._short(name, value) for name, value in self.shown.items()})

    def _short(self, name: str, value: OptionValue) -> OptionValue:
        return PurePath(value).name if name in self.checksums and isinstance(value, str) else value


class ModelSpec(Data):
    """A model with every option resolved."""

    name: str
    provider: Provider
    hidden_size: PositiveInt
    causal: bool = True
    options: dict[str, OptionValue]
    shown: dict[str, OptionValue] = {}
    """The options that differ from their defaults, ``hidden_size`` not among them."""

    def identity(self) -> dict[str, Any]:
        """Return what defines the model."""
        return {"name": self.name, "provider": self.provider.model_dump(), "hidden_size": self.hidden_size,
                "options": self.options}  # fmt: skip

    @property
    def label(self) -> str:
        """The model as a person would type it, without its hidden size."""
        return with_options(self.name, self.shown)


class TrialSpec(Data):
    """One training: the unit of work, identity and failure."""

    task: TaskSpec
    model: ModelSpec
    settings: Settings
    seed: int = Field(ge=0)

    @property
    def trial_id(self) -> str:
        """Identify the trial by all that defines it, and by nothing else."""
        return content_hash({**self._config(), "seed": self.seed})

    @property
    def config_id(self) -> str:
        """Identify the trial but for its seed: the trials of one configuration are replicates of each other."""
        return content_hash(self._config())

    @property
    def speed_id(self) -> str:
        """Identify what a speed is measured on: the network and its batch, not how long it trains."""
        settings = self.settings
        return content_hash({"schema": RECORD_SCHEMA, "task": self.task.identity(), "model": self.model.identity(),
                             "batch_size": settings.batch_size, "embedding_size": settings.embedding_size,
                             "precision": settings.precision})  # fmt: skip

    def _config(self) -> dict[str, Any]:
        return {"schema": RECORD_SCHEMA, "task": self.task.identity(), "model": self.model.identity(),
                "settings": self.settings.model_dump()}  # fmt: skip


def with_options(name: str, options: dict[str, OptionValue]) -> str:
    """Return ``name[a=1,b=x]``, or ``name`` when there are no options."""
    if not options:
        return name
    return f"{name}[{','.join(f'{key}={_typed(value)}' for key, value in sorted(options.items()))}]"


def _typed(value: OptionValue) -> str:
    """Quote a text that would be read otherwise; :func:`rnnbench.selection.parse_choices` reads it back."""
    text = option_text(value)
    if text == text.strip() and not any(mark in text for mark in ",[]" + QUOTES):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def option_text(value: OptionValue) -> str:
    """Return an option's value as it is typed on the command line (``true``, ``none``, ``0.1``)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)


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
    """First validated step whose validation score reached the solved threshold; ``None``: never (censored)."""
    best_step: int
    train_seconds: float
    """Time in optimizer steps, validation excluded."""
    baseline: float
    perfect: float
    solved_threshold: float
    reference_scores: dict[str, float] = {}
    extra_scores: dict[str, float] = {}
    curve: tuple[CurvePoint, ...]


class Size(Data):
    """How big it is."""

    params_encoder: int
    params_core: int
    params_decoder: int
    state_size: int
    """Numbers carried from one step to the next, per sequence."""
    flops_per_step: float
    """Floating-point operations of the core per time step and sequence, forward; a multiply-add counts two."""

    @property
    def params_total(self) -> int:
        """All trainable parameters."""
        return self.params_encoder + self.params_core + self.params_decoder


Category: TypeAlias = Literal["vanishing", "stable", "exploding"]


class Profile(Data):
    """One gradient profile G(k) and what was fitted to it."""

    of: Literal["input", "state"]
    when: Literal["init", "trained"]
    direction: Literal["past", "future"] = "past"
    lags: tuple[int, ...]
    values: tuple[float, ...]
    slope: float | None
    """Least-squares slope of ln G per step over lags >= 5; ``None`` when fewer than two lags could be fitted."""
    half_life: float | None
    """``ln 2 / -slope`` in steps; infinite when the gradient does not decay."""
    reach: int
    """Largest lag with G(k) >= 1e-3 max G."""
    category: Category | None


class Gradient(Data):
    """How far the gradient reaches."""

    profiles: tuple[Profile, ...]
    lyapunov_init: tuple[float, ...] = ()
    """Top Lyapunov exponents per step at initialisation, largest first; empty where the state is not of fixed size."""
    lyapunov_trained: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    """Why a profile is missing, in words."""

    def find(self, of: str, when: str, direction: str = "past") -> Profile | None:
        """Return the profile asked for, or ``None``."""
        for profile in self.profiles:
            if (profile.of, profile.when, profile.direction) == (of, when, direction):
                return profile
        return None


class Interval(Data):
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
    seconds: Interval
    """Of one forward pass, training step, or streamed time step."""
    reference_seconds: Interval
    ratio: Interval
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

    def find(self, mode: SpeedMode, length: int) -> SpeedPoint | None:
        """Return the point asked for, or ``None``."""
        return next((p for p in self.points if p.mode == mode and p.length == length), None)


class LineDrawing(Data):
    """Curves over a shared axis, for the report to draw (e.g. truth against forecasts)."""

    kind: Literal["lines"] = "lines"
    title: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    lines: dict[str, tuple[float | None, ...]]
    """By name; ``None`` leaves a gap."""
    span: tuple[float, float] | None = None
    """A stretch of the axis to shade, such as the lengths trained on."""
    span_label: str = ""


class HeatmapDrawing(Data):
    """A matrix for the report to draw (e.g. attention weights); ``values[row][column]``."""

    kind: Literal["heatmap"] = "heatmap"
    title: str
    x_label: str
    y_label: str
    values: tuple[tuple[float, ...], ...]


Drawing: TypeAlias = Annotated[LineDrawing | HeatmapDrawing, Field(discriminator="kind")]


class Citation(Data):
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
    drawings: tuple[Drawing, ...] = ()
    data_size: DataSize | None = None
    data_checksums: dict[str, str] = {}
    """Of data that did not come from a file option, such as a hub data set; those of files are in the task's identity."""
    citations: tuple[Citation, ...] = ()
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
