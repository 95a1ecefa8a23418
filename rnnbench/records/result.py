"""Results of one attempt at a trial, and the record that the store keeps of it."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line
from rnnbench.records.items import ItemScores
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
    PRUNED = "pruned"


EXPECTED_OF_TRIES = frozenset({Status.DIVERGED, Status.PRUNED})
"""Statuses of tries in a tuning study that are no failures: a search goes too far now and then."""


class Environment(Data):
    """Hardware and software of an attempt; decides which speeds are comparable, not identity."""

    device: str
    """``"cpu"`` or the GPU's name."""
    processor: str
    """Name of the processor, which virtual machines may cut short, e.g. ``"AMD EPYC"``."""
    processor_model: str
    """Maker, family, model and stepping, which identify it; empty where they are not known."""
    instruction_set: str
    """Vector instructions that torch uses on it, e.g. ``"AVX2"``."""
    cores: int
    threads: int
    memory_bytes: int
    platform: str
    python_version: str
    torch_version: str
    lightning_version: str
    rnnbench_version: str
    deterministic: bool = True

    @property
    def trained_on(self) -> str:
        """The device whose arithmetic decides the last bits of a score: a GPU or a processor."""
        if self.device != "cpu":
            return self.device
        return ", ".join(
            part for part in (self.processor, self.processor_model, self.instruction_set) if part
        )


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


FIRST_FITTED_LAG = 5
"""Slopes are fitted from here: nearer lags contain the output path, which is not memory."""


def half_life(slope: float) -> float:
    """Return the half-life in steps of a slope of ln G per step; infinite without decay."""
    return math.log(2) / -slope if slope < 0 else math.inf


Direction: TypeAlias = Literal["past", "future"]


class Profile(Data):
    """One gradient profile G(k) and the fit to it."""

    of: Literal["input", "state"]
    when: Literal["init", "trained"]
    direction: Direction = "past"
    lags: tuple[int, ...]
    values: tuple[float, ...]
    slope: float | None
    """Least-squares slope of ln G per step from lag ``FIRST_FITTED_LAG`` on.

    ``None`` when fewer than two lags could be fitted, and for the input profile after training:
    it peaks where the task puts its information, and is not exponential.
    """
    half_life: float | None
    """``ln 2 / -slope`` in steps; infinite when the gradient does not decay."""
    reach: int
    """Largest lag with G(k) >= 1e-3 max G."""
    relevant_ratio: float | None = None
    """Mean gradient at the inputs that the task needs, over the median at the other lags.

    ``None`` where the task does not declare them, or no other lag is left.
    """


InfluenceMeasure: TypeAlias = Literal[
    "total variation", "largest total variation", "absolute change"
]


class Influence(Data):
    """How much the output of a trained network changes when one input is replaced, by lag."""

    direction: Direction = "past"
    measure: InfluenceMeasure
    """Of predicted distributions, of the predicted bit that changes most, or of predicted values.

    The last is in units of ``scale``.
    """
    scale: float = 1.0
    """Mean absolute difference between the targets of two test sequences; 1 for distributions.

    The absolute change in the task's own unit is a value times this scale.
    """
    lags: tuple[int, ...]
    values: tuple[float, ...]
    """Mean change by lag, over replacements that differ from the input replaced."""
    differing: tuple[float, ...]
    """Share of draws from the data that differ from the input that they replace, by lag."""
    noise: float
    """Mean change of the same outputs when the weights are rounded to float32 at random."""
    floor: float
    """Change that counts as influence: three times the noise, and at least 0.01."""
    relevant: float | None = None
    """Mean influence of the inputs that the task needs on the outputs that need them."""
    irrelevant: float | None = None
    """Mean influence of the other inputs that were replaced."""
    matrix: tuple[tuple[float | None, ...], ...] = ()
    """Influence of the i-th needed input (row) on the j-th output that needs one (column).

    Empty unless the task needs the same pattern in every sequence, at several outputs.
    """

    @property
    def longest(self) -> int:
        """The largest lag measured."""
        return max(self.lags, default=0)

    @property
    def horizon(self) -> int | None:
        """Memory horizon: largest lag with a mean influence above the floor; ``None`` if none."""
        pairs = zip(self.lags, self.values, strict=True)
        return max((lag for lag, value in pairs if value > self.floor), default=None)


LyapunovMethod: TypeAlias = Literal["finite-time singular values", "QR"]


class Gradient(Data):
    """Gradient profiles, influence and Lyapunov exponents: what reaches an output, how far."""

    profiles: tuple[Profile, ...]
    influence: tuple[Influence, ...] = ()
    """Of the trained network; a second one into the future if it looks ahead."""
    lyapunov_init: tuple[float, ...] = ()
    """Largest exponents per step at initialisation, largest first.

    Empty where the size of the state is not fixed.
    """
    lyapunov_trained: tuple[float, ...] = ()
    lyapunov_method: LyapunovMethod | None = None
    """``QR`` estimates the asymptotic exponents of Lyapunov.

    ``finite-time singular values``, for sequences of under 100 steps, are the exact exponents of
    these steps: they contain the transient, and are no estimate of the asymptotic ones.
    """
    lyapunov_steps: int | None = None
    """Number of Jacobians that the exponents are means over."""
    notes: tuple[Line, ...] = ()
    """Reasons why a measurement is missing."""

    def find(self, of: str, when: str, direction: str = "past") -> Profile | None:
        """Return the profile of these properties, or ``None``."""
        for profile in self.profiles:
            if (profile.of, profile.when, profile.direction) == (of, when, direction):
                return profile
        return None

    def influence_towards(self, direction: str = "past") -> Influence | None:
        """Return the influence profile of this direction, or ``None``."""
        return next((each for each in self.influence if each.direction == direction), None)


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

    kind: Literal["fused", "C++ loop", "Python loop", "other"]
    """One call of a library for all steps; a loop over time in torch, or in Python; none of them,
    e.g. convolutions or attention.
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
        words = f"{operations} ({self.kind})" if operations else "no recurrent kernel"
        return f"{words}, and {further} from Python" if self.dispatched_per_step >= 1 else words


class Speed(Data):
    """Timings of a configuration in an environment, measured while nothing else of rnnbench ran."""

    comparator: str
    """The model that ratios refer to."""
    points: tuple[SpeedPoint, ...]
    """Model and comparator as built; points at the task's own length come first."""
    plain_points: tuple[SpeedPoint, ...] = ()
    """Plain loop beside the comparator's plain loop, at the task's own length.

    Empty for a model without a plain loop.
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

    def at_own_length(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` as built, at the task's own length, or ``None``."""
        return _of_mode(self.points, mode)

    def plain_loop(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` of the plain loops, or ``None``."""
        return _of_mode(self.plain_points, mode)


def _of_mode(points: tuple[SpeedPoint, ...], mode: SpeedMode) -> SpeedPoint | None:
    return next((point for point in points if point.mode == mode), None)


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
    plots: tuple[Plot, ...] = ()
    notes: tuple[Line, ...] = ()
    """Reasons why a figure is missing: the size, plots, the task's diagnosis, a whole gradient."""
    data_size: DataSize | None = None
    data_checksums: dict[str, str] = Field(default_factory=dict)
    """Checksums of data that no file option names, e.g. of a hub data set.

    Those of data files are part of the task's identity.
    """
    citations: tuple[RecordedCitation, ...] = ()
    environment: Environment | None = None

    @property
    def all_notes(self) -> tuple[str, ...]:
        """Reasons why figures are missing, those of the gradient among them."""
        return (*self.notes, *(self.gradient.notes if self.gradient else ()))


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
