"""Temporal order: the order of two or three signals, far apart among distractors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, GeneratedTask, Preset, RegisterTask, Tokens
from rnnbench.metrics import ACCURACY

from .._common.citations import HOCHREITER_AND_SCHMIDHUBER
from .._common.pairs import marked_pairs

if TYPE_CHECKING:
    from torch import Tensor

DISTRACTORS = 4
START, END, X = DISTRACTORS, DISTRACTORS + 1, DISTRACTORS + 2

_WINDOWS = {"6a": (0.10, 0.50), "6b": (0.10, 0.33, 0.66)}
"""Starts of the signals' windows, as shares of the shortest sequence; each is a tenth wide."""


@dataclass(frozen=True)
class TemporalOrder(GeneratedTask):
    """Temporal order: classify by the order of signals (Hochreiter and Schmidhuber 1997, task 6).

    A sequence starts with E and ends with the trigger B. In between are distractors a, b, c and d,
    and two or three signals, each X or Y. The class, predicted at B, is the order of the signals.
    All choices are uniform. At the length of the paper, sequences have 100 to 110 steps, and the
    positions of the signals, counted from 1, are

    - 6a: t1 from 10 to 20 and t2 from 50 to 60; 4 classes (XX, XY, YX, YY);
    - 6b: t1 from 10 to 20, t2 from 33 to 43 and t3 from 66 to 76; 8 classes (XXX, XXY, ..., YYY).

    Attributes:
        variant: 6a or 6b, the numbers in the paper.
        shortest: number of steps of the shortest sequence; all positions scale with it.
    """

    variant: Literal["6a", "6b"] = "6a"
    shortest: Annotated[int, Field(ge=20)] = 100

    inputs = Tokens(DISTRACTORS + 4)
    """Four distractors, start, end, and two signals."""
    steps = "last"
    metric = ACCURACY
    perfect = 1.0
    solved = 0.99

    citations = (HOCHREITER_AND_SCHMIDHUBER,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"shortest": 50},
            {"steps": 5000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"shortest": 100},
            {"steps": 10_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
        # The paper, section 5.6 and tables 9 to 11: single sequences, SGD at 0.5 without momentum,
        # two blocks of two LSTM cells, 2560 test sequences; training stops by a criterion, for 6a
        # after 31,390 sequences on average (6b: three blocks, 0.1, 571,100). A preset cannot
        # express logistic outputs with a squared error, the truncated gradient, and negative biases
        # of the input gates.
        "paper": Preset(
            {"shortest": 100},
            {
                "steps": 40_000,
                "batch_size": 1,
                "learning_rate": 0.5,
                "optimizer": "sgd[momentum=0.0]",
                "clip_norm": None,
                "hidden_size": 4,
                "test_size": 2560,
            },
        ),
    }

    @property
    def signals(self) -> int:
        """Number of signals: 2 in ``6a``, 3 in ``6b``."""
        return len(_WINDOWS[self.variant])

    @property
    def slack(self) -> int:
        """Range in steps of the length and of each signal's position."""
        return self.shortest // 10

    @property
    def outputs(self) -> Tokens:
        """One class per order of signals."""
        return Tokens(2**self.signals)

    @property
    def length(self) -> int:
        """Number of steps of the longest sequence."""
        return self.shortest + self.slack

    @property
    def baseline(self) -> float:
        """Chance."""
        return 0.5**self.signals

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The accuracy of remembering one signal and guessing the others."""
        return {"one signal": 2 * self.baseline}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences (n, T), padded with the trigger, with their classes (n,)."""
        device = generator.device
        begins = [round(share * self.shortest) - 1 for share in _WINDOWS[self.variant]]
        inputs = torch.randint(DISTRACTORS, (n, self.length), generator=generator, device=device)
        shifts = torch.randint(
            self.slack + 1, (n, self.signals + 1), generator=generator, device=device
        )
        signals = torch.randint(2, (n, self.signals), generator=generator, device=device)
        lengths = self.shortest + shifts[:, -1]
        positions = [begin + shifts[:, signal] for signal, begin in enumerate(begins)]
        inputs.scatter_(1, torch.stack(positions, 1), X + signals)
        inputs[:, 0] = START
        inputs.masked_fill_(torch.arange(self.length, device=device) >= lengths[:, None] - 1, END)
        binary = signals << torch.arange(self.signals - 1, -1, -1, device=device)
        return Batch(inputs, binary.sum(1), lengths=lengths)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return the signals, with the last step."""
        assert batch.lengths is not None
        return marked_pairs(batch.inputs >= X, batch.lengths - 1)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``temporal-order``."""
    register("temporal-order", TemporalOrder)
