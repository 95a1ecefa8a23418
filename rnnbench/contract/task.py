"""Contract of a task: spaces, batches, metrics, presets and the base classes.

Letters in shapes: B batch, T time steps, D input width, H hidden size, O core output width, V
vocabulary size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from rnnbench.records.citation import Citation
from rnnbench.records.plots import Plot
from rnnbench.records.published import Published

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Space of integer symbols ``0 .. vocab - 1``, held in int64 tensors without a width axis."""

    vocab: int


@dataclass(frozen=True)
class Vectors:
    """Space of real vectors, held in floating tensors whose last axis has width ``dim``."""

    dim: int


@dataclass(frozen=True)
class Bits:
    """Space of sets of ``dim`` elements: vectors of 0 and 1 in floating tensors of width ``dim``.

    An element is in the set where its bit is 1, e.g. a note that sounds in a frame of a piano roll.
    A network reads bits as a vector. It predicts one logit per bit, of independent Bernoulli
    variables.
    """

    dim: int


Space: TypeAlias = Tokens | Vectors | Bits
Steps: TypeAlias = Literal["last", "every"]


def width_of(space: Space) -> int:
    """Return the number of a network's outputs per prediction: V classes, or ``dim``."""
    return space.vocab if isinstance(space, Tokens) else space.dim


@dataclass(frozen=True)
class Batch:
    """Sequences with their targets, right-padded to a common length T.

    Attributes:
        inputs: (B, T) int64 for :class:`Tokens`, (B, T, D) float for :class:`Vectors` and
            :class:`Bits`.
        targets: for steps ``"last"`` (B,) int64 or (B, dim) float; for steps ``"every"`` (B, T)
            int64 or (B, T, dim) float.
        lengths: (B,) int64, the number of valid steps of each sequence, at least 1; ``None`` when
            all are T.
        mask: (B, T) bool, the steps that count in loss and metric, for steps ``"every"`` only;
            ``None`` is every valid step.
        continues: whether each row continues the same row of the preceding batch (see
            :attr:`Task.stateful`).
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    mask: Tensor | None = None
    continues: bool = False

    def __len__(self) -> int:
        return int(self.inputs.shape[0])

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return replace(
            self,
            inputs=change(self.inputs),
            targets=change(self.targets),
            lengths=None if self.lengths is None else change(self.lengths),
            mask=None if self.mask is None else change(self.mask),
        )

    def rows(self, index: Tensor | slice) -> Batch:
        """Return the sequences at ``index``, a slice or (N,) int64, with tokens as int64."""
        picked = self._map(lambda tensor: tensor[index])
        return replace(picked, inputs=widened(picked.inputs), targets=widened(picked.targets))

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on ``device``."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def floating(self, dtype: torch.dtype) -> Batch:
        """Return the batch with its floating tensors in ``dtype``; others are unchanged."""
        return self._map(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


def widened(tensor: Tensor) -> Tensor:
    """Return an integer tensor as int64 and a floating tensor unchanged."""
    return tensor if tensor.is_floating_point() else tensor.long()


@dataclass(frozen=True)
class Splits:
    """Training, validation and test set of a finite task, each as one large :class:`Batch`.

    Split the data before any statistic of them is computed. Tokens may be held in any integer type
    that fits them, for example uint8, to save memory: :meth:`Batch.rows` widens them to int64.
    """

    train: Batch
    validation: Batch
    test: Batch


Measure: TypeAlias = "Callable[[Tensor, Batch], tuple[Tensor, Tensor | None]]"


def _unchanged(mean: float) -> float:
    return mean


@dataclass(frozen=True)
class Metric:
    """A score: a function of a weighted mean over all predictions of a data set.

    ``score = finish(sum(values * weights) / sum(weights))``, with the sums over the whole data set,
    so that a score does not depend on the batch size.

    Attributes:
        name: its usual name, e.g. ``"accuracy"``; shown in reports.
        direction: ``"higher"`` or ``"lower"``, whichever is better.
        measure: ``(outputs, batch) -> (values, weights)``. ``outputs`` are the network's
            predictions, (B, V|dim) for steps ``"last"``, (B, T, V|dim) for ``"every"``. ``values``
            and ``weights`` are (B,) or (B, T); ``weights`` may be ``None`` if all are 1. The value
            of a prediction must not depend on other sequences. Ready-made ones are in
            ``rnnbench.metrics``.
        finish: maps the mean to the score, e.g. ``math.exp`` for a perplexity.
        also: further scores by name, each a function of the same mean.
    """

    name: str
    direction: Literal["higher", "lower"]
    measure: Measure
    finish: Callable[[float], float] = _unchanged
    also: Mapping[str, Callable[[float], float]] = field(default_factory=dict)

    def better(self, a: float, b: float) -> bool:
        """Return whether score ``a`` is strictly better than ``b``; NaN is never better."""
        return a > b if self.direction == "higher" else a < b

    def reaches(self, score: float, threshold: float) -> bool:
        """Return whether ``score`` is as good as ``threshold`` or better."""
        return score >= threshold if self.direction == "higher" else score <= threshold


@dataclass(frozen=True)
class Preset:
    """Named size of a task: its options with suitable training settings.

    Values that the user gives explicitly override those of a preset.

    Attributes:
        options: options of the task by name.
        settings: training settings by name, e.g. ``steps``, ``batch_size``, ``learning_rate`` (the
            fields of ``rnnbench.records.settings.Settings``), and ``hidden_size`` of the model.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """Further results of a task on the test data.

    Attributes:
        scores: further scores by name.
        plots: plots for the report.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    plots: tuple[Plot, ...] = ()


Predict: TypeAlias = "Callable[[Tensor, Tensor | None], Tensor]"
"""Predictions of a trained network: ``(inputs, lengths) -> outputs``, without gradient.

Inputs are (N, T) or (N, T, D), lengths (N,) or ``None``, outputs (N, V|dim) for steps ``"last"``
and (N, T, V|dim) for ``"every"``.
"""


class Task(ABC):
    """Contract of a task; derive from :class:`GeneratedTask` or :class:`FiniteTask`.

    A task is a frozen dataclass. Its fields are the options of the task; each needs a type and a
    default. Everything else that is listed here is either a plain class attribute, where it is a
    constant, or a property, where it depends on the options::

        @dataclass(frozen=True)
        class Recall(rnnbench.GeneratedTask):
            delay: PositiveInt = 10

            inputs = rnnbench.Tokens(4)
            outputs = rnnbench.Tokens(4)
            steps = "last"
            metric = ACCURACY  # from rnnbench.metrics
            baseline = 0.25
            perfect = 1.0
            solved = 0.99

            @property
            def length(self) -> int:
                return self.delay + 1

            def sample(self, n: int, generator: torch.Generator) -> rnnbench.Batch:
                ...

    The first line of the class's docstring is its summary in listings.

    Do not annotate a constant: an annotated class attribute is a dataclass field, which makes it an
    option.

    Restrict the range of an option by a pydantic type (``PositiveInt``, ``Annotated[float,
    Field(ge=0)]``), or raise ``ValueError`` in ``__post_init__``. An option of type ``pathlib.Path
    | None`` is a data file: a trial's id holds the checksum of its content instead of its path.
    """

    version: ClassVar[int] = 1
    """Version of the task, part of a trial's id.

    Increase it when equal options give other data, another loss or another metric than before.
    """
    citations: ClassVar[tuple[Citation, ...]] = ()
    """Sources of the task and its data."""
    published: ClassVar[tuple[Published, ...]] = ()
    """Results that sources state; a report shows those whose options match beside its own."""
    presets: ClassVar[Mapping[str, Preset]] = {}
    """Presets by name: ``"quick"``, ``"standard"`` and ``"paper"``, or some of them."""

    @property
    @abstractmethod
    def inputs(self) -> Space:
        """Input space: the symbol, vector or set that the network reads at each step."""

    @property
    @abstractmethod
    def outputs(self) -> Space:
        """Output space, which also selects the training loss.

        :class:`Tokens` are classes, trained by cross-entropy on logits. :class:`Vectors` are
        values, trained by squared error. :class:`Bits` are sets, trained by the binary
        cross-entropy of logits, summed over the bits.
        """

    @property
    @abstractmethod
    def steps(self) -> Steps:
        """``"last"`` for one prediction at the last valid step, ``"every"`` for one per step."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Nominal number of time steps T, at which speed and size are measured."""

    @property
    @abstractmethod
    def metric(self) -> Metric:
        """Metric of the score; the best checkpoint is chosen by its validation score."""

    @property
    @abstractmethod
    def baseline(self) -> float:
        """Score of the best predictor without the memory that the task tests; skill 0.

        In units of the metric. For example 0.25, the accuracy of guessing one of four symbols.
        """

    @property
    @abstractmethod
    def perfect(self) -> float:
        """Best score possible in expectation; skill 1.

        In units of the metric. For example 1.0 for an accuracy, or the variance of the noise for a
        mean squared error.
        """

    @property
    @abstractmethod
    def solved(self) -> float:
        """Score at which the task counts as solved, between ``baseline`` and ``perfect``.

        In units of the metric, e.g. 0.99 for an accuracy. A score counts if it is this good or
        better in the metric's direction (:meth:`Metric.reaches`). The harness compares the test
        score of the best checkpoint with it, which gives ``solved`` of a result, and each
        validation score, which gives ``steps_to_solve``.
        """

    @property
    def unsolvable(self) -> str | None:
        """Reason why no score on these data counts as solved; ``None`` for none.

        For example that most of the test part is unknown symbols. It is recorded with the result,
        whose ``solved`` is then false, and shown in reports.
        """
        return None

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Test scores of simple predictors by name, e.g. ``{"persistence": 0.4, "AR(2)": 0.02}``.

        They are analytic or fitted, in units of the metric, and shown in reports for comparison.
        """
        return {}

    @property
    def data_checksums(self) -> Mapping[str, str]:
        """Checksums by name of data that are not given by a file option; recorded with results."""
        return {}

    @property
    def stateful(self) -> bool:
        """Whether each part of a finite task is one long sequence, cut into consecutive windows.

        Training reads it in parallel streams, one per sequence of a batch, and passes the state of
        the core from window to window without gradient (truncated backpropagation through time,
        Williams and Peng 1990). Evaluation passes the state on too. Such a task has steps
        ``"every"`` and windows of one length.
        """
        return False

    @property
    def test_block(self) -> int:
        """Number of neighbouring test sequences that depend on each other; 1: none do.

        Statistics over test sequences resample blocks of this many. Windows that overlap, and
        windows of one stream, depend on their neighbours. It matters for finite tasks alone: the
        test sequences of a generated task are drawn independently.
        """
        return 1

    @property
    def causal_only(self) -> bool:
        """Whether later inputs contain targets of earlier steps; non-causal models are declined."""
        return False

    def relevant_lags(self, batch: Batch) -> Tensor | None:
        """Return which inputs the task needs for which outputs; ``None`` if that is not known.

        A perfect predictor has to remember these inputs; a mere cue that is read at the same step,
        such as a delimiter or a marker that only tells the time, is left out. Reports compare the
        gradient and the influence at these pairs with the others.

        Args:
            batch: sequences as :meth:`GeneratedTask.sample_test` or :meth:`FiniteTask.splits`
                gives them, with ``lengths``.

        Returns:
            (N, 3) int64: sequence, step of the input, step of the output, whose difference is the
            lag. For steps ``"last"`` the output is at the last valid step.
        """
        del batch
        return None

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Compute further results on the test data with the best checkpoint; none by default."""
        del predict, test
        return Diagnosis()


class GeneratedTask(Task):
    """Base class of tasks whose data are generated."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences.

        Args:
            n: number of sequences B, at least 1.
            generator: source of all randomness. Equal seeds must draw equal batches.

        Returns:
            A batch on ``generator.device``. Draw it with vectorised operations: this runs once per
            optimizer step.
        """

    def sample_test(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` test sequences; by default they are like the training sequences.

        Override it to test on other sequences, for example on longer ones.
        """
        return self.sample(n, generator)


class FiniteTask(Task):
    """Base class of tasks with a finite data set."""

    @abstractmethod
    def splits(self) -> Splits:
        """Return training, validation and test set on the CPU; equal at every call.

        Raises:
            rnnbench.errors.DataError: a data file cannot be read; the message names file and row.
        """
