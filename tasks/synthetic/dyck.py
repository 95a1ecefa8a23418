"""Dyck: predict the next bracket of a well-nested string of bounded depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, Metric, Preset, Tokens
from rnnbench.metrics import CROSS_ENTROPY

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask

_HEWITT = Citation(
    "Hewitt et al. 2020", "RNNs can generate bounded hierarchical languages with optimal memory", "EMNLP",
    "https://arxiv.org/abs/2010.07515",
)  # fmt: skip
_FEWEST_CLOSINGS = 30
"""From which an accuracy is drawn."""


@dataclass(frozen=True)
class Dyck(GeneratedTask):
    """Dyck: next-symbol prediction on brackets of k types, at most m deep (Hewitt et al. 2020).

    With nothing open, a bracket is opened; with m open, the last is closed; otherwise either
    happens with probability 1/2. The type of an opening bracket is uniform, that of a closing one
    is that of the bracket it closes. A sequence is the start of an endless string (the source's
    strings may end whenever nothing is open): the network reads a start symbol and the brackets so
    far, and predicts the next.

    The score is the cross-entropy in nats per bracket. Its floor is the exact entropy of this
    process; the baseline is that of the best predictor that sees the last bracket alone, exact as
    well. The source's own measure, how often the right closing bracket has most of the mass of all
    closing ones, on strings longer than those trained on, is another; nearest to it is the accuracy
    of closing types that is told beside the score.

    Attributes:
        types: k, kinds of brackets; symbols 0 to k - 1 open, k to 2k - 1 close, 2k starts.
        depth: m, most brackets open at a time.
        length: T, brackets predicted in a sequence.
    """

    types: PositiveInt = 2
    depth: Annotated[int, Field(ge=2)] = 5
    length: Annotated[int, Field(ge=3)] = 100

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_HEWITT,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"types": 4, "depth": 6, "length": 60},
            {"steps": 2000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"types": 8, "depth": 5, "length": 100},
            {"steps": 20_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
        # The public settings of Hewitt et al. 2020 (john-hewitt/dyckkm-learning,
        # lmLSTM_seed0_m5_k8_trainc20000.yaml) for k = 8, m = 5 and 20,000 training symbols: strings
        # of at most 180 in batches of 10, which at 11 symbols a string are some 180 batches in each
        # of at most 100 epochs; Adam at 0.01, an LSTM of 40 units on embeddings of 26, no clipping.
        # What a preset cannot ask for: halving the rate on a plateau, and an end after three epochs
        # without improvement.
        "paper": Preset(
            {"types": 8, "depth": 5, "length": 180},
            {"steps": 18_000, "batch_size": 10, "learning_rate": 1e-2, "clip_norm": None, "hidden_size": 40,
             "embedding_size": 26},
        ),
    }  # fmt: skip

    @property
    def inputs(self) -> Tokens:
        """Opening and closing brackets, and the start."""
        return Tokens(2 * self.types + 1)

    @property
    def outputs(self) -> Tokens:
        """Opening and closing brackets."""
        return Tokens(2 * self.types)

    @property
    def steps(self) -> Literal["every"]:
        """Every next bracket is predicted."""
        return "every"

    @property
    def metric(self) -> Metric:
        """Cross-entropy in nats per bracket."""
        return CROSS_ENTROPY

    @cached_property
    def perfect(self) -> float:
        """The entropy of the process: ln k to open, nothing to close where that is forced, ln 2 for
        the choice of the two.
        """
        type_nats = math.log(self.types)
        free = math.log(2) + type_nats / 2
        nats = torch.tensor([type_nats, *[free] * (self.depth - 1), 0.0], dtype=torch.float64)
        return float((self._depths * nats).sum() / self.length)

    @cached_property
    def baseline(self) -> float:
        """The cross-entropy of the best predictor that sees the last bracket alone.

        After an opening bracket it knows the type that would be closed; after a closing one all
        types are alike.
        """
        before = self._depths[:-1].sum(
            0
        )  # expected visits of each depth that are followed by two more brackets or one
        opens = torch.tensor([1.0, *[0.5] * (self.depth - 1), 0.0], dtype=torch.float64)
        opened, closed = before * opens, before * (1 - opens)
        next_opens_after_opened = float((opened[:-1] * opens[1:]).sum() / opened.sum())
        next_opens_after_closed = float((closed[1:] * opens[:-1]).sum() / closed.sum())
        type_nats = math.log(self.types)
        after_opened = (
            _binary_entropy(next_opens_after_opened) + next_opens_after_opened * type_nats
        )
        after_closed = _binary_entropy(next_opens_after_closed) + type_nats
        total = type_nats + float(opened.sum()) * after_opened + float(closed.sum()) * after_closed
        return total / self.length

    @property
    def solved(self) -> float:
        """Nine tenths of the way from the baseline to the entropy."""
        return self.perfect + (self.baseline - self.perfect) / 10

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The cross-entropy of giving every symbol the same probability."""
        return {"all symbols alike": math.log(2 * self.types)}

    @cached_property
    def _depths(self) -> Tensor:
        """The probability of each number of open brackets before each step: (T, m + 1)."""
        now = torch.zeros(self.depth + 1, dtype=torch.float64)
        now[0] = 1
        opens = torch.tensor([1.0, *[0.5] * (self.depth - 1), 0.0], dtype=torch.float64)
        found = []
        for _ in range(self.length):
            found.append(now)
            following = torch.zeros_like(now)
            following[1:] = (now * opens)[:-1]
            following[:-1] += (now * (1 - opens))[1:]
            now = following
        return torch.stack(found)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` strings: inputs and targets (n, T), on ``generator.device``."""
        size, device = (n, self.length), generator.device
        # A symmetric walk folded at 0 and m is the walk that turns there.
        walk = (2 * torch.randint(2, size, generator=generator, device=device) - 1).cumsum(1)
        depths = self.depth - (walk % (2 * self.depth) - self.depth).abs()  # after each bracket
        opened = depths.diff(dim=1, prepend=torch.zeros_like(depths[:, :1])) > 0
        types = torch.randint(self.types, size, generator=generator, device=device)
        types = types.gather(1, self._openings(opened, depths))
        targets = torch.where(opened, types, self.types + types)
        start = targets.new_full((n, 1), 2 * self.types)
        return Batch(torch.cat([start, targets[:, :-1]], 1), targets)

    def _openings(self, opened: Tensor, depths: Tensor) -> Tensor:
        """Return where the bracket of each step was opened (n, T); ``depths`` are those after each
        step.
        """
        steps = torch.arange(self.length, device=depths.device).expand_as(depths)
        openings = steps
        for level in range(1, self.depth + 1):
            last = torch.where(opened & (depths == level), steps, 0).cummax(1).values
            openings = torch.where(~opened & (depths == level - 1), last, openings)
        return openings

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Tell how often a closing bracket's type is right when it is known to close, and draw it
        by the bracket's span.
        """
        opened = test.targets < self.types
        depths = (2 * opened.long() - 1).cumsum(1)
        steps = torch.arange(self.length, device=depths.device)
        # of every closing bracket in the test; on the CPU, where counting with weights is
        # deterministic
        spans = (steps - self._openings(opened, depths))[~opened].cpu()
        closing = predict(test.inputs, test.lengths)[..., self.types :]
        right = (closing.argmax(-1) == test.targets - self.types)[~opened].cpu()
        counts = spans.bincount(minlength=self.length)
        rights = spans.bincount(weights=right.double(), minlength=self.length)
        shown = (counts >= _FEWEST_CLOSINGS).nonzero().flatten()
        scores = {"closing type accuracy": float(right.double().mean())}
        if not len(shown):
            return Diagnosis(scores)
        accuracies = (rights[shown] / counts[shown]).tolist()
        drawing = rnnbench.LinePlot(
            title="Closing bracket by distance",
            x_label="steps since it was opened",
            y_label="accuracy of its type",
            x=tuple(shown.tolist()),
            lines={"model": tuple(accuracies), "chance": (1 / self.types,) * len(shown)},
        )
        return Diagnosis(scores, (drawing,))


def _binary_entropy(probability: float) -> float:
    """Return the entropy in nats of a coin."""
    return -sum(p * math.log(p) for p in (probability, 1 - probability) if p > 0)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``dyck``."""
    register("dyck", Dyck)
