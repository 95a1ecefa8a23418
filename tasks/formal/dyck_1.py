"""Dyck-1: predict the next symbol of well-nested strings of one type of bracket."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, LinePlot, Preset, Tokens
from rnnbench.metrics import CROSS_ENTROPY

from ._counting import LAN, binary_entropy
from ._published import DYCK_1

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask

OPEN, CLOSE, END = 0, 1, 2

_SUZGUN = Citation(
    "Suzgun et al. 2019",
    "LSTM Networks Can Perform Dynamic Counting",
    "Workshop on Deep Learning and Formal Languages",
    "https://arxiv.org/abs/1906.03648",
)
_LONGER = 4
"""Length of the sequences of the plot, in lengths of the test sequences."""
_SEQUENCES = 200
_BINS = 40
"""Points of the plot."""
_MIN_CLOSINGS = 30
"""An accuracy is plotted if it is the mean over at least this many closings."""
_PLOT_SEED = 0


@dataclass(frozen=True)
class DyckOne(GeneratedTask):
    """Dyck-1: next-symbol prediction on strings of one type of bracket (Suzgun et al. 2019).

    Deterministic context-free: one counter of unbounded depth decides it. The strings are those of
    the grammar S -> ( S ) S | empty, whose first rule has the probability ``opening`` (Lan et al.
    2022). Read from left to right, a bracket is opened with this probability at every step;
    otherwise the last open one is closed, or, if none is open, the string ends with a separator #.
    A sequence is the beginning of an endless series of strings::

        input:   #  (  (  )  )  (  )  #  (
        target:  (  (  )  )  (  )  #  (  )

    The score is the cross-entropy in nats per symbol. Skill 1 is the exact entropy of this process,
    the entropy of the choice between opening and not opening. Skill 0 is the exact cross-entropy
    of the best predictor from the last symbol alone. The difference is whether a string can end,
    which takes the number of open brackets. In the papers the network starts anew at each string.

    Attributes:
        length: T, number of symbols predicted per sequence.
        opening: probability that a bracket is opened; from 1/2 on some strings never end.
    """

    length: Annotated[int, Field(ge=3)] = 100
    opening: Annotated[float, Field(gt=0, lt=1)] = 0.5

    inputs = Tokens(3)
    outputs = Tokens(3)
    steps = "every"
    metric = CROSS_ENTROPY
    causal_only = True  # the next input is the target

    citations = (_SUZGUN, LAN)
    published = DYCK_1
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"length": 100, "opening": 0.5},
            {"steps": 1500, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 32},
        ),
        "standard": Preset(
            {"length": 200, "opening": 0.5},
            {"steps": 20_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64},
        ),
    }

    @property
    def perfect(self) -> float:
        """The entropy in nats per symbol; how many brackets are open decides all but this."""
        return binary_entropy(self.opening)

    @cached_property
    def baseline(self) -> float:
        """The cross-entropy of the best predictor from the last symbol alone.

        After ( a string cannot end, and after # nothing can be closed. After ) it knows how often
        no bracket is open.
        """
        depth = torch.zeros(self.length + 1, dtype=torch.float64)
        depth[0] = 1
        closed = torch.zeros_like(depth)  # expected number of closings by the depth they lead to
        for _ in range(self.length - 1):
            now = torch.zeros_like(depth)
            now[:-1] = (1 - self.opening) * depth[1:]
            closed += now
            now[0] += (1 - self.opening) * depth[0]
            now[1:] += self.opening * depth[:-1]
            depth = now
        all_closed = float(closed[0] / closed.sum())
        unknown = float(closed.sum()) * (1 - self.opening) * binary_entropy(all_closed)
        return self.perfect + unknown / self.length

    @property
    def solved(self) -> float:
        """A skill of 0.9."""
        return self.perfect + (self.baseline - self.perfect) / 10

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The cross-entropy of the uniform distribution over the three symbols."""
        return {"all symbols alike": math.log(3)}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs and targets (n, T), on ``generator.device``."""
        return self._strings(n, self.length, generator)

    def _strings(self, n: int, length: int, generator: torch.Generator) -> Batch:
        uniform = torch.rand(n, length, generator=generator, device=generator.device)
        opened = uniform < self.opening
        walk = torch.where(opened, 1, -1).cumsum(1)
        # a string ends where the walk is lower than ever before
        lowest = walk.cummin(1).values.clamp_max(0)
        before = torch.cat([torch.zeros_like(lowest[:, :1]), lowest[:, :-1]], 1)
        targets = torch.where(opened, OPEN, torch.where(walk < before, END, CLOSE))
        start = targets.new_full((n, 1), END)
        return Batch(torch.cat([start, targets[:, :-1]], 1), targets)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return the symbols of a string so far, with each step that reads a closing bracket."""
        read = batch.inputs
        string = (read == END).cumsum(1)
        steps = torch.arange(read.shape[1], device=read.device)
        same = string[:, :, None] == string[:, None, :]
        needed = same & (read != END)[:, :, None] & (read == CLOSE)[:, None, :]
        return (needed & (steps[:, None] <= steps)).nonzero()

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Report how often closing and ending are told apart, and plot it on longer sequences."""
        generator = torch.Generator(test.inputs.device).manual_seed(_PLOT_SEED)
        longer = self._strings(_SEQUENCES, _LONGER * self.length, generator)
        right, place = self._told_apart(predict, longer)
        near, _ = self._told_apart(predict, test)
        scores = {
            name: float(each.mean())
            for name, each in (
                ("accuracy of closing or ending", near),
                (f"the same at {_LONGER} times the length", right),
            )
            if len(each)
        }
        width = max(1, _LONGER * self.length // _BINS)
        counts = (place // width).bincount()
        rights = (place // width).bincount(weights=right)
        shown = (counts >= _MIN_CLOSINGS).nonzero().flatten()
        if not len(shown):
            return Diagnosis(scores)
        plot = LinePlot(
            title="Closing or ending, by place in the string",
            x_label="symbols since the string began",
            y_label="accuracy",
            x=tuple((shown * width + (width - 1) / 2).tolist()),
            lines={"model": tuple((rights[shown] / counts[shown]).tolist())},
            span=(1, self.length),
            span_label="lengths trained on",
        )
        return Diagnosis(scores, (plot,))

    @staticmethod
    def _told_apart(predict: Predict, batch: Batch) -> tuple[Tensor, Tensor]:
        """Measure whether ) and # are told apart where one of them is next.

        Returns:
            Values 0 or 1 (N,) float64 and the symbols since the string began (N,), both on the
            CPU, because a weighted bincount is not deterministic on a GPU.
        """
        outputs = predict(batch.inputs, batch.lengths)[..., CLOSE:]
        steps = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        begun = torch.where(batch.inputs == END, steps, 0).cummax(1).values
        counted = batch.targets != OPEN
        right = (outputs.argmax(-1) == batch.targets - CLOSE)[counted]
        return right.double().cpu(), (steps - begun)[counted].cpu()


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``dyck-1``."""
    register("dyck-1", DyckOne)
