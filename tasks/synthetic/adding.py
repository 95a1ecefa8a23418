"""Adding: the sum of the two marked numbers among many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Preset, RegisterTask, Vectors
from rnnbench.metrics import MSE

from .._common.citations import ARJOVSKY, HOCHREITER_AND_SCHMIDHUBER

_LE = Citation(
    "Le et al. 2015", "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", "",
    "https://arxiv.org/abs/1504.00941",
)  # fmt: skip


@dataclass(frozen=True)
class Adding(GeneratedTask):
    """Adding: the sum of two marked numbers, one in each half of the sequence (Arjovsky et al.
    2016).

    Each step reads a number, uniform on [0, 1], and a marker, which is 1 at one step of the first
    half and one of the second, each uniform there, and 0 elsewhere. After the last step the sum of
    the two marked numbers is told. The task is that of Hochreiter and Schmidhuber 1997, in the form
    that Le et al. 2015 and Arjovsky et al. 2016 gave it.

    Attributes:
        length: T, steps of a sequence; the first half has T // 2.
    """

    length: Annotated[int, Field(ge=2)] = 100

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (ARJOVSKY, _LE, HOCHREITER_AND_SCHMIDHUBER)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset({"length": 50}, {"steps": 3000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64}),
        "standard": Preset({"length": 100}, {"steps": 10_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128}),
        # The public code of Arjovsky et al. 2016 (amarshah/complex_RNN, adding_problem.py and
        # optimizations.py): batches of 20, 20,000 steps of RMSprop at 1e-3 with a decay of 0.9,
        # 10,000 test sequences; figures for T of 100, 200, 400 and 750. It clips each element of an
        # LSTM's gradient at 1, where the norm is clipped here, and draws 100,000 training sequences
        # once and for all. The LSTM's 128 units are those of reimplementations, not verified
        # against the source.
        "paper": Preset(
            {"length": 400},
            {"steps": 20_000, "batch_size": 20, "learning_rate": 1e-3, "optimizer": "rmsprop", "clip_norm": 1.0,
             "hidden_size": 128, "test_size": 10_000},
        ),
    }  # fmt: skip

    @property
    def inputs(self) -> Vectors:
        """A number and its marker."""
        return Vectors(2)

    @property
    def outputs(self) -> Vectors:
        """The sum."""
        return Vectors(1)

    @property
    def steps(self) -> Literal["last"]:
        """The sum is told after the last step."""
        return "last"

    @property
    def metric(self) -> Metric:
        """Mean squared error."""
        return MSE

    @property
    def baseline(self) -> float:
        """The variance of a sum of two uniform numbers, which is the error of always saying 1."""
        return 1 / 6

    @property
    def perfect(self) -> float:
        """The sum is known."""
        return 0.0

    @property
    def solved(self) -> float:
        """An error of 0.1 in the root mean square, a quarter of that of always saying 1."""
        return 0.01

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The variance of the one number that is left when the other is known."""
        return {"one addend": 1 / 12}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs (n, T, 2) of numbers and markers, targets (n, 1), on
        ``generator.device``.
        """
        device, half = generator.device, self.length // 2
        inputs = torch.zeros(n, self.length, 2, device=device)
        inputs[..., 0] = torch.rand(n, self.length, generator=generator, device=device)
        first = torch.randint(half, (n, 1), generator=generator, device=device)
        second = torch.randint(half, self.length, (n, 1), generator=generator, device=device)
        marked = torch.cat([first, second], 1)  # (n, 2)
        inputs[..., 1].scatter_(1, marked, 1.0)
        return Batch(inputs, inputs[..., 0].gather(1, marked).sum(1, keepdim=True))


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``adding``."""
    register("adding", Adding)
