"""Results of one attempt at a trial, and the record that the store keeps of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line
from rnnbench.records.environment import Environment
from rnnbench.records.gradient import Gradient
from rnnbench.records.gradient_history import GradientHistory
from rnnbench.records.items import ItemScores
from rnnbench.records.plots import Plot
from rnnbench.records.published import RecordedPublished
from rnnbench.records.spec import TrialSpec
from rnnbench.records.speed import Speed


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
    PRUNED = "pruned"


EXPECTED_OF_TRIES = frozenset({Status.DIVERGED, Status.PRUNED})
"""Statuses of tries in a tuning study that are no failures: a search goes too far now and then."""


class CurvePoint(Data):
    """One validation during training."""

    step: int
    seconds: float
    """Training time so far, validation excluded."""
    train_loss: float
    """Mean over the steps since the previous point."""
    validation_loss: float
    validation_score: float
    learning_rate: float | None = None
    """Learning rate of the last step before it, of parameters that no model scales."""


class ParameterGroup(Data):
    """Parameters that were trained alike."""

    parameters: tuple[Line, ...]
    """Their names in the network."""
    numbers: int
    """Numbers in these parameters."""
    learning_rate_factor: float
    weight_decay: float


class Learning(Data):
    """Scores of training: how well the model learned."""

    score_name: str
    direction: Literal["higher", "lower"]
    score: float
    """Test score of the best-validation checkpoint."""
    last_score: float
    """Test score of the weights after the last step."""
    test_loss: float
    skill: float
    """``(score - baseline) / (perfect - baseline)``."""
    solved: bool
    unsolvable: Line | None = None
    """Reason why no score on the task's data counts as solved."""
    steps_to_solve: int | None
    """First validated step whose validation score reached ``solved_threshold``.

    ``None`` when no step did, or when the test was not solved (censored).
    """
    steps_to_solve_validation: int | None
    """The same whether or not the test was solved."""
    still_improving: bool | None
    """Whether the validation score still improved at the end of training.

    See :func:`rnnbench.training.improvement.still_improving`; ``None`` with too few validations.
    """
    clipped_share: float | None
    """Share of the optimizer steps whose gradient was clipped; ``None`` without clipping."""
    best_step: int
    steps_taken: int | None = None
    """Optimizer steps; fewer than set after an early stop. ``None`` in records of schema 2: all."""
    groups: tuple[ParameterGroup, ...] = ()
    """Groups of parameters with a learning rate or weight decay of their own; empty: none has."""
    implementation: Line | None = None
    """How the core ran, where it says so: by a compiled step, or by its plain loop and why."""
    train_seconds: float
    """Time in optimizer steps, validation excluded."""
    baseline: float
    perfect: float
    solved_threshold: float
    simple_scores: dict[str, float] = Field(default_factory=dict)
    extra_scores: dict[str, float] = Field(default_factory=dict)
    curve: tuple[CurvePoint, ...]
    items: ItemScores | None = None
    """Results of single test items; ``None`` for generated tasks and for very large test sets."""


class Validated(Data):
    """Result of a try in a tuning study, which never sees the test data."""

    score_name: str
    direction: Literal["higher", "lower"]
    best_score: float
    """Best validation score."""
    best_loss: float
    """Validation loss at that step."""
    best_step: int
    steps_taken: int
    train_seconds: float
    curve: tuple[CurvePoint, ...]


class Size(Data):
    """Parameters, state and arithmetic of a network."""

    params_encoder: int
    params_core: int
    params_decoder: int
    state_size: int
    """Numbers carried from one step to the next, per sequence."""
    matmul_flops_per_step: float
    """Floating-point operations in matrix products and convolutions.

    Of the core's forward pass, per time step and sequence; a multiply-add counts two.
    """
    elementwise_per_step: float
    """Values computed by elementwise operations (gates, activations) and softmax.

    Of the same pass, per time step and sequence.
    """

    @property
    def params_total(self) -> int:
        """The number of trainable parameters."""
        return self.params_encoder + self.params_core + self.params_decoder


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
    seen_in_training: float = Field(ge=0, le=1)
    """Share of the test sequences whose inputs equal those of a training sequence."""


class Result(Data):
    """Everything that a trial's process measures; speed is measured separately."""

    status: Status
    error: Line | None = None
    traceback: str | None = None
    learning: Learning | None = None
    validated: Validated | None = None
    """Of a try in a tuning study, which has no ``learning``."""
    size: Size | None = None
    gradient: Gradient | None = None
    gradient_history: GradientHistory | None = None
    """With ``track_gradients``, of every training that began, a diverged one among them."""
    plots: tuple[Plot, ...] = ()
    notes: tuple[Line, ...] = ()
    """Reasons why a figure is missing: the size, plots, the task's diagnosis, a whole gradient."""
    data_size: DataSize | None = None
    data_checksums: dict[str, str] = Field(default_factory=dict)
    """Checksums of data that no file option names, e.g. of a hub data set.

    Those of data files are part of the task's identity.
    """
    citations: tuple[RecordedCitation, ...] = ()
    published: tuple[RecordedPublished, ...] = ()
    """Published results that hold for the options of the task, for any model."""
    environment: Environment | None = None

    @property
    def all_notes(self) -> tuple[str, ...]:
        """Reasons why figures are missing, those of the gradient among them."""
        gradients = (self.gradient, self.gradient_history)
        return (*self.notes, *(note for each in gradients if each for note in each.notes))


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
