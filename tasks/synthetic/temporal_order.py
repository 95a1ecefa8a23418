"""Temporal order: in which order did a few signals come, far apart in noise?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Preset, RegisterTask, Tokens
from rnnbench.metrics import ACCURACY

from .._common.citations import HOCHREITER_AND_SCHMIDHUBER

DISTRACTORS = 4
START, END, X = DISTRACTORS, DISTRACTORS + 1, DISTRACTORS + 2

_WINDOWS = {"6a": (0.10, 0.50), "6b": (0.10, 0.33, 0.66)}
"""Where the signals' windows begin, as shares of the shortest sequence; each window is a tenth of
it wide, ends included.
"""


@dataclass(frozen=True)
class TemporalOrder(GeneratedTask):
    """Temporal order: classify by the order of signals (Hochreiter and Schmidhuber 1997, task 6).

    A sequence starts with E, ends with the trigger B, and otherwise consists of the distractors a,
    b, c and d, but for the signals, each X or Y. Its class, told after B, says which signal came
    when. All choices are uniform. At the length of the source, sequences have 100 to 110 steps, and
    counted from 1 the signals stand at

    - 6a: t1 from 10 to 20 and t2 from 50 to 60, which makes 4 classes (XX, XY, YX, YY);
    - 6b: t1 from 10 to 20, t2 from 33 to 43 and t3 from 66 to 76, which makes 8 (XXX, XXY, ...,
      YYY).

    Attributes:
        variant: 6a or 6b, as the source numbers them.
        shortest: steps of the shortest sequence; all positions scale with it.
    """

    variant: Literal["6a", "6b"] = "6a"
    shortest: Annotated[int, Field(ge=20)] = 100

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (HOCHREITER_AND_SCHMIDHUBER,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset({"shortest": 50}, {"steps": 5000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64}),
        "standard": Preset({"shortest": 100}, {"steps": 10_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128}),
        # The source, section 5.6 and tables 9 to 11: single sequences, gradient descent at 0.5, two
        # blocks of two LSTM cells, 2560 test sequences; training ended by a criterion, for 6a after
        # 31,390 sequences on average (6b: three blocks, 0.1, 571,100). This harness's descent has a
        # momentum of 0.9, with which a rate of 0.05 goes as far as 0.5 goes without. What a preset
        # cannot ask for: logistic outputs with a squared error, the truncated gradient, negative
        # biases of the input gates.
        "paper": Preset(
            {"shortest": 100},
            {"steps": 40_000, "batch_size": 1, "learning_rate": 0.05, "optimizer": "sgd", "clip_norm": None, "hidden_size": 4,
             "test_size": 2560},
        ),
    }  # fmt: skip

    @property
    def signals(self) -> int:
        """Two or three."""
        return len(_WINDOWS[self.variant])

    @property
    def slack(self) -> int:
        """By how many steps the length and each signal's position vary."""
        return self.shortest // 10

    @property
    def inputs(self) -> Tokens:
        """Four distractors, start, end, and the two signals."""
        return Tokens(DISTRACTORS + 4)

    @property
    def outputs(self) -> Tokens:
        """A class for each order."""
        return Tokens(2**self.signals)

    @property
    def steps(self) -> Literal["last"]:
        """The class is told at the trigger."""
        return "last"

    @property
    def length(self) -> int:
        """Steps of the longest sequence."""
        return self.shortest + self.slack

    @property
    def metric(self) -> Metric:
        """Accuracy."""
        return ACCURACY

    @property
    def baseline(self) -> float:
        """Chance."""
        return 0.5**self.signals

    @property
    def perfect(self) -> float:
        """Every order told."""
        return 1.0

    @property
    def solved(self) -> float:
        """At most one order in a hundred wrong."""
        return 0.99

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """What is left to chance when one signal is remembered."""
        return {"one signal": 2 * self.baseline}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences (n, T), padded with the trigger, with their classes (n,), on
        ``generator.device``.
        """
        device = generator.device
        begins = [round(share * self.shortest) - 1 for share in _WINDOWS[self.variant]]
        inputs = torch.randint(DISTRACTORS, (n, self.length), generator=generator, device=device)
        shifts = torch.randint(
            self.slack + 1, (n, self.signals + 1), generator=generator, device=device
        )
        signals = torch.randint(2, (n, self.signals), generator=generator, device=device)
        lengths = self.shortest + shifts[:, -1]
        places = torch.stack(
            [begin + shifts[:, signal] for signal, begin in enumerate(begins)], 1
        )  # (n, signals)
        inputs.scatter_(1, places, X + signals)
        inputs[:, 0] = START
        inputs.masked_fill_(torch.arange(self.length, device=device) >= lengths[:, None] - 1, END)
        binary = signals << torch.arange(self.signals - 1, -1, -1, device=device)
        return Batch(inputs, binary.sum(1), lengths=lengths)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``temporal-order``."""
    register("temporal-order", TemporalOrder)
