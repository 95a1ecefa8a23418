"""Four tasks that keep the contract, and many that break it in one way each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from rnnbench.contract.task import (
    Batch,
    Citation,
    Diagnosis,
    FiniteTask,
    GeneratedTask,
    Metric,
    Preset,
    Space,
    Splits,
    Steps,
    Tokens,
    Vectors,
)
from rnnbench.metrics import ACCURACY, MSE

CITED = (Citation("Nobody 1900", "On tasks"),)


@dataclass(frozen=True)
class Recall(GeneratedTask):
    """Name the first of four symbols at the end; sequences have several lengths."""

    delay: PositiveInt = 6
    citations: ClassVar[tuple[Citation, ...]] = CITED
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(options={"delay": 2}, settings={"steps": 10, "hidden_size": 8})
    }

    @property
    def inputs(self) -> Space:
        return Tokens(4)

    @property
    def outputs(self) -> Space:
        return Tokens(4)

    @property
    def steps(self) -> Steps:
        return "last"

    @property
    def length(self) -> int:
        return self.delay + 1

    @property
    def metric(self) -> Metric:
        return ACCURACY

    @property
    def baseline(self) -> float:
        return 0.25

    @property
    def perfect(self) -> float:
        return 1.0

    @property
    def solved(self) -> float:
        return 0.99

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (n, self.length), generator=generator)
        lengths = torch.randint(1, self.length + 1, (n,), generator=generator)
        return Batch(inputs=inputs, targets=inputs[:, 0], lengths=lengths)


@dataclass(frozen=True)
class Echo(Recall):
    """Repeat every second symbol one step late."""

    @property
    def steps(self) -> Steps:
        return "every"

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (n, self.length), generator=generator)
        mask = (torch.arange(self.length) % 2 == 1).expand(n, -1)
        return Batch(inputs=inputs, targets=inputs.roll(1, 1), mask=mask)


@dataclass(frozen=True)
class MeanSoFar(Recall):
    """Say after every value the mean of all so far, each normal with variance 1.

    Constant predictions err by the mean's variance 1/t; the average over T steps is the baseline.
    """

    @property
    def inputs(self) -> Space:
        return Vectors(1)

    @property
    def outputs(self) -> Space:
        return Vectors(1)

    @property
    def steps(self) -> Steps:
        return "every"

    @property
    def metric(self) -> Metric:
        return MSE

    @property
    def baseline(self) -> float:
        return sum(1 / t for t in range(1, self.length + 1)) / self.length

    @property
    def perfect(self) -> float:
        return 0.0

    @property
    def solved(self) -> float:
        return 0.01

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randn(n, self.length, 1, generator=generator)
        return Batch(
            inputs=inputs, targets=inputs.cumsum(1) / torch.arange(1, self.length + 1)[:, None]
        )


@dataclass(frozen=True)
class FiniteRecall(FiniteTask):
    """The first symbol again, from a finite data set."""

    citations: ClassVar[tuple[Citation, ...]] = CITED
    inputs = outputs = Tokens(4)
    steps: ClassVar[Literal["last"]] = "last"
    length = 12
    metric = ACCURACY
    baseline, perfect, solved = 0.25, 1.0, 0.99

    def splits(self) -> Splits:
        drawn = torch.randint(4, (300, 12), generator=torch.Generator().manual_seed(0))
        whole = Batch(inputs=drawn, targets=drawn[:, 0])
        return Splits(
            whole.rows(slice(0, 100)), whole.rows(slice(100, 200)), whole.rows(slice(200, 300))
        )


def returning(base: type[Any], **values: Any) -> type[Any]:
    """Derive a task from ``base`` of which some properties return fixed values."""
    return dataclass(frozen=True)(
        type("Derived", (base,), {name: _constant(value) for name, value in values.items()})
    )


def _constant(value: Any) -> property:
    return property(lambda _: value)


def presetting(name: str, options: dict[str, Any] | None = None, **settings: Any) -> type[Any]:
    """Derive a task with one preset."""
    return dataclass(frozen=True)(
        type("Derived", (Recall,), {"presets": {name: Preset(options or {}, settings)}})
    )


def drawing(change: Any, base: type[Any] = Recall) -> type[Any]:
    """Derive a task whose batches are changed: ``change(batch, generator) -> batch``."""

    def sample(self: Any, n: int, generator: torch.Generator) -> Any:
        return change(base.sample(self, n, generator), generator)

    return dataclass(frozen=True)(type("Derived", (base,), {"sample": sample}))


@dataclass(frozen=True)
class CannotBeBuilt(Recall):
    def __post_init__(self) -> None:
        raise ValueError("say more")


@dataclass(frozen=True, eq=False)
class NeverEqual(Recall):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class TextVersion(Recall):
    version: ClassVar[int] = "1.0"  # type: ignore[assignment]


@dataclass(frozen=True)
class NoCitations(Recall):
    citations: ClassVar[tuple[Citation, ...]] = ()


OneSymbol = returning(Recall, outputs=Tokens(1))
NoSpace = returning(Recall, inputs=4)
EverySecondStep = returning(Recall, steps="second")
StatefulButDrawn = returning(Recall, stateful=True)
StatefulAtTheEnd = returning(FiniteRecall, stateful=True)
EndlessLength = returning(Recall, length=math.inf)
NoMetric = returning(Recall, metric="accuracy")
UpsideDown = returning(Recall, metric=Metric("accuracy", "lower", ACCURACY.measure))
SolvedByNobody = returning(Recall, solved=1.1)
SolvedByAnybody = returning(Recall, solved=0.2)
NoBaseline = returning(Recall, baseline=math.nan)
OddReferenceScore = returning(Recall, simple_scores={"persistence": None})
TooPerfect = returning(Recall, perfect=1.5)
LowBaseline = returning(Recall, baseline=0.1)
LowBaselineOfVectors = returning(MeanSoFar, baseline=5.0)

UnknownPreset = presetting("tiny")
PresetWithWrongOption = presetting("quick", {"delays": 3})
PresetWithWrongValue = presetting("quick", {"delay": 0})
PresetWithWrongSetting = presetting("quick", batchsize=3)
PresetWithWrongWidth = presetting("quick", hidden_size="big")

ThirtyTwoBits = drawing(lambda batch, _: replace(batch, inputs=batch.inputs.int()))
BeyondTheVocabulary = drawing(lambda batch, _: replace(batch, inputs=batch.inputs + 1))
TargetsForEveryStep = drawing(lambda batch, _: replace(batch, targets=batch.inputs))
EmptySequences = drawing(lambda batch, _: replace(batch, lengths=batch.lengths - 1))
MaskForLast = drawing(
    lambda batch, _: replace(batch, mask=torch.ones_like(batch.inputs, dtype=torch.bool))
)
MaskOfNothing = drawing(
    lambda batch, _: replace(batch, mask=torch.zeros_like(batch.inputs, dtype=torch.bool)), Echo
)
NotANumber = drawing(lambda batch, _: replace(batch, inputs=batch.inputs / 0), MeanSoFar)
AlwaysTen = drawing(lambda batch, _: batch.rows(torch.zeros(10).long()))
GlobalRandomness = drawing(
    lambda batch, _: replace(batch, inputs=torch.randint(4, batch.inputs.shape))
)
MovesGlobalState = drawing(lambda batch, _: torch.rand(1) is not None and batch)
OneSequence = drawing(lambda batch, _: batch.rows(torch.zeros(len(batch)).long()))


@dataclass(frozen=True)
class FixedSeed(Recall):
    def sample(self, n: int, generator: torch.Generator) -> Batch:
        del generator
        return super().sample(n, torch.Generator().manual_seed(3))


@dataclass(frozen=True)
class Rewinds(Recall):
    def sample(self, n: int, generator: torch.Generator) -> Batch:
        before = generator.get_state()
        batch = super().sample(n, generator)
        generator.set_state(before)
        return batch


def _batchwise(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    hits, weights = ACCURACY.measure(outputs, batch)
    return hits.mean().expand_as(hits), torch.ones_like(hits) if weights is None else weights


def _negative(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    hits, _ = ACCURACY.measure(outputs, batch)
    return hits, -torch.ones_like(hits)


BatchwiseMetric = returning(Recall, metric=Metric("accuracy", "higher", _batchwise))
NegativeWeights = returning(Recall, metric=Metric("accuracy", "higher", _negative))


@dataclass(frozen=True)
class OddDiagnosis(Recall):
    def diagnose(self, predict: Any, test: Batch) -> Any:
        return {"late": float(predict(test.inputs, test.lengths).mean())}


@dataclass(frozen=True)
class UnfinishedDiagnosis(Recall):
    def diagnose(self, predict: Any, test: Batch) -> Diagnosis:
        del predict, test
        return Diagnosis(scores={"late": math.nan})


@dataclass(frozen=True)
class ShuffledAnew(FiniteRecall):
    def splits(self) -> Splits:
        parts = super().splits()
        return replace(parts, train=parts.train.rows(torch.randperm(100)))


@dataclass(frozen=True)
class TrainsOnTest(FiniteRecall):
    def splits(self) -> Splits:
        parts = super().splits()
        return replace(parts, test=parts.train.rows(slice(0, 50)))
