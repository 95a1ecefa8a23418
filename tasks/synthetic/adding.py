"""Adding: the sum of the two marked numbers among many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, GeneratedTask, Preset, RegisterTask, Vectors
from rnnbench.metrics import MSE

from .._common.citations import ARJOVSKY, HOCHREITER_AND_SCHMIDHUBER, LE
from .._common.pairs import marked_pairs
from ._published import ADDING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Adding(GeneratedTask):
    """Adding: the sum of two marked numbers, one in each half (Arjovsky et al. 2016).

    Each step reads a number, uniform on [0, 1], and a marker. The marker is 1 at one uniform step
    of the first half and at one of the second, and 0 elsewhere. After the last step the sum of the
    two marked numbers is predicted. The task is that of Hochreiter and Schmidhuber 1997, in the
    form of Le et al. 2015 and Arjovsky et al. 2016.

    Attributes:
        length: T, steps of a sequence; the first half has T // 2 steps.
    """

    length: Annotated[int, Field(ge=2)] = 100

    inputs = Vectors(2)
    outputs = Vectors(1)
    steps = "last"
    metric = MSE
    baseline = 1 / 6
    """The variance of a sum of two uniform numbers: the error of always predicting 1."""
    perfect = 0.0
    solved = 0.01
    """A root mean squared error of 0.1, a quarter of that of always predicting 1."""
    simple_scores: ClassVar[Mapping[str, float]] = {"one addend": 1 / 12}
    """The variance of one number, which remains when only the other one is remembered."""

    citations = (ARJOVSKY, LE, HOCHREITER_AND_SCHMIDHUBER)
    published = ADDING
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"length": 50},
            {"steps": 3000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"length": 100},
            {"steps": 10_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
        # The public code of Arjovsky et al. 2016 (amarshah/complex_RNN, adding_problem.py and
        # optimizations.py): batches of 20, 20,000 steps of RMSprop at 1e-3 with a decay of 0.9,
        # each element of an LSTM's gradient clipped at 1, 10,000 test sequences; figures for T of
        # 100, 200, 400 and 750. It trains on 100,000 fixed sequences, which a preset cannot
        # express. The LSTM's 128 units are those of reimplementations, not verified against the
        # source.
        "paper": Preset(
            {"length": 400},
            {
                "steps": 20_000,
                "batch_size": 20,
                "learning_rate": 1e-3,
                "optimizer": "rmsprop",
                "clip_norm": None,
                "clip_value": 1.0,
                "hidden_size": 128,
                "test_size": 10_000,
            },
        ),
    }

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs (n, T, 2), number and marker, and targets (n, 1)."""
        device, half = generator.device, self.length // 2
        inputs = torch.zeros(n, self.length, 2, device=device)
        inputs[..., 0] = torch.rand(n, self.length, generator=generator, device=device)
        first = torch.randint(half, (n, 1), generator=generator, device=device)
        second = torch.randint(half, self.length, (n, 1), generator=generator, device=device)
        marked = torch.cat([first, second], 1)  # (n, 2)
        inputs[..., 1].scatter_(1, marked, 1.0)
        return Batch(inputs, inputs[..., 0].gather(1, marked).sum(1, keepdim=True))

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return the two marked steps, with the last step."""
        last = torch.full((len(batch),), self.length - 1, device=batch.inputs.device)
        return marked_pairs(batch.inputs[..., 1] == 1, last)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``adding``."""
    register("adding", Adding)
