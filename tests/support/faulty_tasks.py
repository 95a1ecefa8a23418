"""Five tasks that keep the contract, and many that break it in one way each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from rnnbench.contract.task import (
    Batch,
    Bits,
    Diagnosis,
    FiniteTask,
    GeneratedTask,
    Metric,
    Preset,
    Splits,
    Steps,
    Tokens,
    Vectors,
)
from rnnbench.metrics import ACCURACY, MSE, NLL_PER_FRAME
from rnnbench.records.citation import Citation
from rnnbench.records.published import Published

CITED = (Citation("Nobody 1900", "On tasks"),)


@dataclass(frozen=True)
class Recall(GeneratedTask):
    """Recall the first of four symbols at the end; sequences have several lengths."""

    delay: PositiveInt = 6
    citations = CITED
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(options={"delay": 2}, settings={"steps": 10, "hidden_size": 8})
    }
    inputs = Tokens(4)
    outputs = Tokens(4)
    steps: ClassVar[Steps] = "last"
    metric = ACCURACY
    baseline = 0.25
    perfect = 1.0
    solved = 0.99

    @property
    def length(self) -> int:
        return self.delay + 1

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (n, self.length), generator=generator)
        lengths = torch.randint(1, self.length + 1, (n,), generator=generator)
        return Batch(inputs=inputs, targets=inputs[:, 0], lengths=lengths)


@dataclass(frozen=True)
class Echo(Recall):
    """Repeat every second symbol one step later."""

    steps = "every"

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (n, self.length), generator=generator)
        mask = (torch.arange(self.length) % 2 == 1).expand(n, -1)
        return Batch(inputs=inputs, targets=inputs.roll(1, 1), mask=mask)


@dataclass(frozen=True)
class MeanSoFar(GeneratedTask):
    """Predict the mean of all values so far, each normal with variance 1.

    The error of constant predictions is the variance of the mean, 1/t; the average over T steps is
    the baseline.
    """

    length: PositiveInt = 7
    citations = CITED
    inputs = Vectors(1)
    outputs = Vectors(1)
    steps = "every"
    metric = MSE
    perfect = 0.0
    solved = 0.01

    @property
    def baseline(self) -> float:
        return sum(1 / t for t in range(1, self.length + 1)) / self.length

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randn(n, self.length, 1, generator=generator)
        return Batch(
            inputs=inputs, targets=inputs.cumsum(1) / torch.arange(1, self.length + 1)[:, None]
        )


@dataclass(frozen=True)
class Delayed(GeneratedTask):
    """Repeat each set of three bits two steps later; the bits are on with probability 1/4."""

    length: PositiveInt = 7
    citations = CITED
    inputs = Bits(3)
    outputs = Bits(3)
    steps = "every"
    metric = NLL_PER_FRAME
    baseline = 3 * (-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    perfect = 0.0
    solved = 0.1

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        drawn = torch.rand(n, self.length + 2, 3, generator=generator) < 0.25
        bits = drawn.float()
        mask = (torch.arange(self.length) >= 2).expand(n, -1)
        return Batch(inputs=bits[:, 2:], targets=bits[:, :-2], mask=mask)


@dataclass(frozen=True)
class FiniteRecall(FiniteTask):
    """Recall the first of four symbols at the end, from a finite data set."""

    citations = CITED
    inputs = Tokens(4)
    outputs = Tokens(4)
    steps = "last"
    length = 12
    metric = ACCURACY
    perfect = 1.0
    solved = 0.99

    @property
    def baseline(self) -> float:
        return float(self.splits().test.targets.bincount().max()) / len(self.splits().test)

    def splits(self) -> Splits:
        drawn = torch.randint(4, (300, 12), generator=torch.Generator().manual_seed(0))
        whole = Batch(inputs=drawn, targets=drawn[:, 0])
        return Splits(
            whole.rows(slice(0, 100)), whole.rows(slice(100, 200)), whole.rows(slice(200, 300))
        )


def changing(base: type[Any], **values: Any) -> type[Any]:
    """Derive a task from ``base`` with other constants."""
    return dataclass(frozen=True)(type("Derived", (base,), values))


def presetting(name: str, options: dict[str, Any] | None = None, **settings: Any) -> type[Any]:
    """Derive a task with one preset."""
    return dataclass(frozen=True)(
        type("Derived", (Recall,), {"presets": {name: Preset(options or {}, settings)}})
    )


def with_batches(change: Any, base: type[Any] = Recall) -> type[Any]:
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
class PerfectAsOption(Recall):
    perfect: float = 1.0


TextVersion = changing(Recall, version="1.0")
NoCitations = changing(Recall, citations=())
OneSymbol = changing(Recall, outputs=Tokens(1))
NoSpace = changing(Recall, inputs=4)
EverySecondStep = changing(Recall, steps="second")
StatefulButGenerated = changing(Recall, stateful=True)
StatefulWithLastSteps = changing(FiniteRecall, stateful=True)
EndlessLength = changing(Recall, length=math.inf)
NoMetric = changing(Recall, metric="accuracy")
UpsideDown = changing(Recall, metric=Metric("accuracy", "lower", ACCURACY.measure))
SolvedBeyondPerfect = changing(Recall, solved=1.1)
SolvedBelowBaseline = changing(Recall, solved=0.2)
NoBaseline = changing(Recall, baseline=math.nan)
OddSimpleScore = changing(Recall, simple_scores={"persistence": None})
TooPerfect = changing(Recall, perfect=1.5)
LowBaseline = changing(Recall, baseline=0.1)
LowBaselineOfBits = changing(Delayed, baseline=2.0)
LowBaselineOfVectors = changing(MeanSoFar, baseline=5.0)

UnknownPreset = presetting("tiny")
PresetWithWrongOption = presetting("quick", {"delays": 3})
PresetWithWrongValue = presetting("quick", {"delay": 0})
PresetWithWrongSetting = presetting("quick", batchsize=3)
PresetWithWrongSettingValue = presetting("quick", batch_size=0)
PresetWithSeeds = presetting("quick", seeds=2)
PresetWithWrongWidth = presetting("quick", hidden_size="big")


def publishing(**given: Any) -> type[Recall]:
    """Return a task with one published result, of which these parts are given."""
    parts = {"model": "lstm", "value": 0.5, "citation": CITED[0], "where": "table 1", **given}
    return changing(Recall, published=(Published(**parts),))


PublishedOfWrongOptionValue = publishing(options={"delay": 0})
PublishedOfOptionAsText = publishing(options={"delay": "6"})
PublishedOfWrongSetting = publishing(settings={"batch_size": 0})
PublishedOfUnknownScore = publishing(score="recall", direction="higher")

ThirtyTwoBits = with_batches(lambda batch, _: replace(batch, inputs=batch.inputs.int()))
BeyondTheVocabulary = with_batches(lambda batch, _: replace(batch, inputs=batch.inputs + 1))
TargetsForEveryStep = with_batches(lambda batch, _: replace(batch, targets=batch.inputs))
EmptySequences = with_batches(lambda batch, _: replace(batch, lengths=batch.lengths - 1))
MaskForLast = with_batches(
    lambda batch, _: replace(batch, mask=torch.ones_like(batch.inputs, dtype=torch.bool))
)
MaskOfNothing = with_batches(
    lambda batch, _: replace(batch, mask=torch.zeros_like(batch.inputs, dtype=torch.bool)), Echo
)
HalfABit = with_batches(lambda batch, _: replace(batch, inputs=batch.inputs / 2), Delayed)
BitsAsIntegers = with_batches(
    lambda batch, _: replace(batch, targets=batch.targets.long()), Delayed
)
NotANumber = with_batches(lambda batch, _: replace(batch, inputs=batch.inputs / 0), MeanSoFar)
AlwaysTen = with_batches(lambda batch, _: batch.rows(torch.zeros(10).long()))
GlobalRandomness = with_batches(
    lambda batch, _: replace(batch, inputs=torch.randint(4, batch.inputs.shape))
)
MovesGlobalState = with_batches(lambda batch, _: torch.rand(1) is not None and batch)
OneSequence = with_batches(lambda batch, _: batch.rows(torch.zeros(len(batch)).long()))


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


BatchwiseMetric = changing(Recall, metric=Metric("accuracy", "higher", _batchwise))
NegativeWeights = changing(Recall, metric=Metric("accuracy", "higher", _negative))


@dataclass(frozen=True)
class OddDiagnosis(Recall):
    def diagnose(self, predict: Any, test: Batch) -> Any:
        return {"late": float(predict(test.inputs, test.lengths).mean())}


@dataclass(frozen=True)
class UnfinishedDiagnosis(Recall):
    def diagnose(self, predict: Any, test: Batch) -> Diagnosis:
        del predict, test
        return Diagnosis(scores={"late": math.nan})


ChanceAsBaseline = changing(FiniteRecall, baseline=0.25)


@dataclass(frozen=True)
class ReshuffledSplits(FiniteRecall):
    def splits(self) -> Splits:
        parts = super().splits()
        return replace(parts, train=parts.train.rows(torch.randperm(100)))


@dataclass(frozen=True)
class TrainsOnTest(FiniteRecall):
    def splits(self) -> Splits:
        parts = super().splits()
        return replace(parts, test=parts.train.rows(slice(0, 50)))
