"""Dyck: predict the next bracket of a well-nested string of bounded depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, LinePlot, Preset, Tokens
from rnnbench.metrics import CROSS_ENTROPY

from .._common.pairs import pairs_of

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask

_HEWITT = Citation(
    "Hewitt et al. 2020",
    "RNNs can generate bounded hierarchical languages with optimal memory",
    "EMNLP",
    "https://arxiv.org/abs/2010.07515",
)
_MIN_CLOSINGS = 30
"""An accuracy is plotted if it is the mean over at least this many closing brackets."""


@dataclass(frozen=True)
class Dyck(GeneratedTask):
    """Dyck: next-symbol prediction on brackets of k types, at most m deep (Hewitt et al. 2020).

    With no bracket open, one is opened; with m open, the last one is closed; otherwise either
    happens with probability 1/2. The type of an opening bracket is uniform; a closing bracket has
    the type of the bracket that it closes. A sequence is the prefix of an infinite string, whereas
    the strings of the paper may end whenever no bracket is open. The network reads a start symbol
    and the brackets so far, and predicts the next bracket.

    The score is the cross-entropy in nats per bracket. Skill 1 is the exact entropy of this
    process; skill 0 is the exact cross-entropy of the best predictor from the last bracket alone.
    The paper measures how often the correct closing bracket has most of the probability of all
    closing brackets, on strings longer than the training strings. The diagnosis has a related
    score, the accuracy of the type of closing brackets.

    Attributes:
        types: k, number of types; symbols 0 to k - 1 open, k to 2k - 1 close, 2k is the start.
        depth: m, most brackets open at a time.
        length: T, number of brackets predicted per sequence.
    """

    types: PositiveInt = 2
    depth: Annotated[int, Field(ge=2)] = 5
    length: Annotated[int, Field(ge=3)] = 100

    steps = "every"
    metric = CROSS_ENTROPY

    citations = (_HEWITT,)
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
        # lmLSTM_seed0_m5_k8_trainc20000.yaml and training_regimen.py) for k = 8, m = 5 and 20,000
        # training symbols: strings of at most 180 in batches of 10, which at 11 symbols a string
        # are some 180 batches in each of at most 100 epochs; Adam at 0.01, halved after each epoch
        # without a better score, an end after three such epochs; an LSTM of 40 units on embeddings
        # of 26, no clipping.
        "paper": Preset(
            {"types": 8, "depth": 5, "length": 180},
            {
                "steps": 18_000,
                "batch_size": 10,
                "learning_rate": 1e-2,
                "schedule": "plateau[patience=1]",
                "clip_norm": None,
                "validate_every": 180,
                "patience": 3,
                "hidden_size": 40,
                "embedding_size": 26,
            },
        ),
    }

    @property
    def inputs(self) -> Tokens:
        """Opening brackets, closing brackets, and the start symbol."""
        return Tokens(2 * self.types + 1)

    @property
    def outputs(self) -> Tokens:
        """Opening brackets and closing brackets."""
        return Tokens(2 * self.types)

    @cached_property
    def perfect(self) -> float:
        """The entropy of the process in nats per bracket.

        An opening bracket has ln k for its type, a forced closing bracket has 0, and the choice
        between the two has ln 2.
        """
        type_nats = math.log(self.types)
        free = math.log(2) + type_nats / 2
        nats = torch.tensor([type_nats, *[free] * (self.depth - 1), 0.0], dtype=torch.float64)
        return float((self._depths * nats).sum() / self.length)

    @cached_property
    def baseline(self) -> float:
        """The cross-entropy of the best predictor from the last bracket alone.

        After an opening bracket it knows the type of the bracket to close; after a closing one all
        types are equally likely.
        """
        # expected number of visits to each depth that are followed by at least two brackets
        before = self._depths[:-1].sum(0)
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
        """A skill of 0.9."""
        return self.perfect + (self.baseline - self.perfect) / 10

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The cross-entropy of the uniform distribution over all brackets."""
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
        # Folding a symmetric random walk at 0 and m gives a walk reflected there.
        walk = (2 * torch.randint(2, size, generator=generator, device=device) - 1).cumsum(1)
        depths = self.depth - (walk % (2 * self.depth) - self.depth).abs()  # after each bracket
        opened = depths.diff(dim=1, prepend=torch.zeros_like(depths[:, :1])) > 0
        types = torch.randint(self.types, size, generator=generator, device=device)
        types = types.gather(1, self._openings(opened, depths))
        targets = torch.where(opened, types, self.types + types)
        start = targets.new_full((n, 1), 2 * self.types)
        return Batch(torch.cat([start, targets[:, :-1]], 1), targets)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return (opening bracket, step that predicts its closing bracket)."""
        opened = batch.targets < self.types  # (B, T)
        depths = torch.where(opened, 1, -1).cumsum(1)
        # a bracket is read one step after the step that predicts it
        read = torch.where(opened, -1, self._openings(opened, depths) + 1)
        return pairs_of(read, torch.arange(self.length, device=read.device))

    def _openings(self, opened: Tensor, depths: Tensor) -> Tensor:
        """Return the step (n, T) at which the bracket of each step was opened.

        Args:
            opened: (n, T) bool, whether each bracket opens.
            depths: (n, T), number of open brackets after each step.
        """
        steps = torch.arange(self.length, device=depths.device).expand_as(depths)
        openings = steps
        for level in range(1, self.depth + 1):
            last = torch.where(opened & (depths == level), steps, 0).cummax(1).values
            openings = torch.where(~opened & (depths == level - 1), last, openings)
        return openings

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Report the accuracy of the type of closing brackets, and plot it by distance."""
        opened = test.targets < self.types
        depths = (2 * opened.long() - 1).cumsum(1)
        steps = torch.arange(self.length, device=depths.device)
        # Distance of every closing bracket to its opening bracket. On the CPU, because weighted
        # bincount is not deterministic on a GPU.
        spans = (steps - self._openings(opened, depths))[~opened].cpu()
        closing = predict(test.inputs, test.lengths)[..., self.types :]
        right = (closing.argmax(-1) == test.targets - self.types)[~opened].cpu()
        counts = spans.bincount(minlength=self.length)
        rights = spans.bincount(weights=right.double(), minlength=self.length)
        shown = (counts >= _MIN_CLOSINGS).nonzero().flatten()
        scores = {"closing type accuracy": float(right.double().mean())}
        if not len(shown):
            return Diagnosis(scores)
        accuracies = (rights[shown] / counts[shown]).tolist()
        plot = LinePlot(
            title="Closing bracket by distance",
            x_label="steps since it was opened",
            y_label="accuracy of its type",
            x=tuple(shown.tolist()),
            lines={"model": tuple(accuracies), "chance": (1 / self.types,) * len(shown)},
        )
        return Diagnosis(scores, (plot,))


def _binary_entropy(probability: float) -> float:
    """Return the entropy in nats of a Bernoulli variable."""
    return -sum(p * math.log(p) for p in (probability, 1 - probability) if p > 0)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``dyck``."""
    register("dyck", Dyck)
