"""The words that models and tasks share: spaces, batches, metrics and the task contract.

Letters used everywhere: B batch, T time steps, D input width, H hidden size, O core output width, V
vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from rnnbench.records.plots import Plot

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Integer symbols ``0 .. vocab - 1``; tensors of int64."""

    vocab: int


@dataclass(frozen=True)
class Vectors:
    """Real vectors of width ``dim``; tensors of float with a last axis of that width."""

    dim: int


Space: TypeAlias = Tokens | Vectors
Steps: TypeAlias = Literal["last", "every"]


@dataclass(frozen=True)
class Batch:
    """Sequences with their targets, right-padded to a common length.

    Attributes:
        inputs: ``(B, T)`` int64 for :class:`Tokens`, ``(B, T, D)`` float for :class:`Vectors`.
        targets: for steps ``"last"``: ``(B,)`` int64 or ``(B, dim)`` float; for ``"every"``: ``(B,
            T)`` or ``(B, T, dim)``.
        lengths: ``(B,)`` int64, the number of valid steps of each sequence, at least 1; ``None``
            when all are T long.
        mask: ``(B, T)`` bool, the steps that count in loss and metric (steps ``"every"`` only);
            ``None`` means every valid step.
        continues: whether each sequence goes on where the same row of the batch before ended (see
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
        """Return the sequences at ``index`` (a slice, or int64 of shape ``(N,)``), padding kept,
        tokens as int64.
        """
        picked = self._map(lambda tensor: tensor[index])
        return replace(picked, inputs=widened(picked.inputs), targets=widened(picked.targets))

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on ``device``."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def floating(self, dtype: torch.dtype) -> Batch:
        """Return the batch with its floating tensors in ``dtype``; integers and masks are
        untouched.
        """
        return self._map(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


def widened(tensor: Tensor) -> Tensor:
    """Return tokens as int64, whatever integers hold them; floating tensors are left as they are."""
    return tensor if tensor.is_floating_point() else tensor.long()


@dataclass(frozen=True)
class Splits:
    """A finite data set, split before any statistic was computed; each part is one large
    :class:`Batch`.

    Tokens may be held in any integers that fit them, such as uint8, so that a large text fits in
    memory: they are widened to int64 a batch at a time (:meth:`Batch.rows`).
    """

    train: Batch
    validation: Batch
    test: Batch


Measure: TypeAlias = "Callable[[Tensor, Batch], tuple[Tensor, Tensor | None]]"


def _unchanged(mean: float) -> float:
    return mean


@dataclass(frozen=True)
class Metric:
    """A score as a weighted mean, so that it does not depend on how a data set is cut into batches.

    Attributes:
        name: the field's name for it, e.g. ``"accuracy"``.
        direction: whether ``"higher"`` or ``"lower"`` is better.
        measure: ``(outputs, batch) -> (values, weights)``, two tensors of one shape, or ``None``
            for the weights when all are 1; the score is ``sum(values * weights) / sum(weights)``
            over the whole data set. Built-in ones are in ``rnnbench.metrics``.
        finish: applied to the mean (e.g. ``math.exp`` for a perplexity).
        also: further scores by name, each a function of the same mean.
    """

    name: str
    direction: Literal["higher", "lower"]
    measure: Measure
    finish: Callable[[float], float] = _unchanged
    also: Mapping[str, Callable[[float], float]] = field(default_factory=dict)

    def better(self, a: float, b: float) -> bool:
        """Whether score ``a`` is strictly better than ``b``; a NaN is never better."""
        return a > b if self.direction == "higher" else a < b

    def reaches(self, score: float, threshold: float) -> bool:
        """Whether ``score`` is as good as ``threshold`` or better."""
        return score >= threshold if self.direction == "higher" else score <= threshold


@dataclass(frozen=True)
class Citation:
    """Where an architecture or a task comes from. ``key`` is authors and year, e.g. ``"Arjovsky et
    al. 2016"``.
    """

    key: str
    title: str
    venue: str = ""
    url: str = ""


@dataclass(frozen=True)
class Preset:
    """A named size of a task: its options and the training settings that go with it (see
    ``rnnbench.plan.planning.Settings``).

    ``settings`` may also name ``hidden_size``; whatever the user gives explicitly wins.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """What a task wants told beside its score: further scores by name, and plots for the report."""

    scores: Mapping[str, float] = field(default_factory=dict)
    plots: tuple[Plot, ...] = ()


Predict: TypeAlias = "Callable[[Tensor, Tensor | None], Tensor]"
"""``(inputs, lengths) -> outputs`` of a trained network, without gradient, in batches where needed."""


class Task(ABC):
    """The task contract. Subclass :class:`GeneratedTask` or :class:`FiniteTask` with a frozen
    dataclass.

    The dataclass fields are the task's options: each needs a type and a default. Validate their
    ranges with pydantic types (``PositiveInt``, ``Annotated[float, Field(ge=0)]``) or by raising
    ``ValueError`` in ``__post_init__``. An option annotated ``pathlib.Path | None`` is a data file:
    the trial's identity holds the checksum of its content, not its path.
    """

    version: ClassVar[int] = 1
    """Raise it whenever the same options would give other data, loss or metric: it is part of a
    trial's identity.
    """
    citations: ClassVar[tuple[Citation, ...]] = ()
    presets: ClassVar[Mapping[str, Preset]] = {}
    """Any of ``"quick"``, ``"standard"``, ``"paper"``."""

    @property
    @abstractmethod
    def inputs(self) -> Space:
        """What the network reads at each step."""

    @property
    @abstractmethod
    def outputs(self) -> Space:
        """What it predicts: :class:`Tokens` are trained by cross-entropy, :class:`Vectors` by
        squared error.
        """

    @property
    @abstractmethod
    def steps(self) -> Steps:
        """Whether a prediction is made at the ``"last"`` valid step or at ``"every"`` step."""

    @property
    @abstractmethod
    def length(self) -> int:
        """The nominal number of time steps T, used by the speed, size and gradient probes."""

    @property
    @abstractmethod
    def metric(self) -> Metric:
        """The score reported."""

    @property
    @abstractmethod
    def baseline(self) -> float:
        """The score of the best predictor that does not use the memory that the task is about
        (skill 0).
        """

    @property
    @abstractmethod
    def perfect(self) -> float:
        """The best score possible in expectation (skill 1)."""

    @property
    @abstractmethod
    def solved(self) -> float:
        """The score from which the task counts as solved."""

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Scores of further analytic or fitted predictors by name, e.g. ``{"persistence": 0.4,
        "AR(2)": 0.02}``.
        """
        return {}

    @property
    def data_checksums(self) -> Mapping[str, str]:
        """Checksums of data that did not come from a file option (a hub data set, a bundled
        corpus), by name.
        """
        return {}

    @property
    def stateful(self) -> bool:
        """Whether each part of a finite task is one stream, cut into windows that follow each other
        row by row.

        Training then reads it in order, in as many lanes as a batch has sequences, and hands the
        core's state from each window to the next without gradient (truncated backpropagation
        through time, Williams and Peng 1990); so does evaluation. Such a task predicts at
        ``"every"`` step, from windows of one length.
        """
        return False

    @property
    def causal_only(self) -> bool:
        """Whether later inputs hold the targets of earlier steps, so that models that look ahead
        are declined.
        """
        return False

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Measure further things on the test data with the best checkpoint; the default has none."""
        del predict, test
        return Diagnosis()


class GeneratedTask(Task):
    """A task whose data are drawn at will."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences with all randomness from ``generator``, vectorised, on
        ``generator.device``.
        """

    def sample_test(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` test sequences; override it where the score is about others than those trained
        on, such as longer ones.
        """
        return self.sample(n, generator)


class FiniteTask(Task):
    """A task with a given, finite data set."""

    @abstractmethod
    def splits(self) -> Splits:
        """Return the three parts, on the CPU; the same every time. Raises
        :class:`rnnbench.errors.DataError`.
        """
