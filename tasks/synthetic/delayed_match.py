"""Delayed match: is the last symbol the same as the first?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Preset, RegisterTask, Tokens
from rnnbench.metrics import ACCURACY

_MILLER = Citation(
    "Miller et al. 1996", "Neural Mechanisms of Visual Working Memory in Prefrontal Cortex of the Macaque",
    "Journal of Neuroscience 16(16)", "https://doi.org/10.1523/JNEUROSCI.16-16-05154.1996",
)  # fmt: skip


@dataclass(frozen=True)
class DelayedMatch(GeneratedTask):
    """Delayed match to sample, with distractors in between (the idea of Miller et al. 1996).

    A cue, ``delay`` distractors, a probe; after the probe it is told whether it equals the cue. Cue
    and distractors are independent and uniform over the symbols, so that distractors may repeat cue
    or probe. The probe matches half of the time and is otherwise uniform over the other symbols: it
    is independent of the answer, as is everything but cue and probe together.

    Attributes:
        delay: distractors between cue and probe.
        symbols: how many symbols there are.
    """

    delay: PositiveInt = 50
    symbols: Annotated[int, Field(ge=2)] = 8

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_MILLER,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"delay": 10, "symbols": 4},
            {"steps": 4000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"delay": 50},
            {"steps": 10_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
    }

    @property
    def inputs(self) -> Tokens:
        """The symbols."""
        return Tokens(self.symbols)

    @property
    def outputs(self) -> Tokens:
        """No match, match."""
        return Tokens(2)

    @property
    def steps(self) -> Literal["last"]:
        """The answer is told at the probe."""
        return "last"

    @property
    def length(self) -> int:
        """Cue, distractors and probe."""
        return self.delay + 2

    @property
    def metric(self) -> Metric:
        """Accuracy."""
        return ACCURACY

    @property
    def baseline(self) -> float:
        """Chance: the probe alone says nothing."""
        return 0.5

    @property
    def perfect(self) -> float:
        """Every match told."""
        return 1.0

    @property
    def solved(self) -> float:
        """At most one probe in a hundred wrong."""
        return 0.99

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences (n, delay + 2) with their answers (n,), 1 for a match, on
        ``generator.device``.
        """
        device = generator.device
        inputs = torch.randint(self.symbols, (n, self.length), generator=generator, device=device)
        matches = torch.randint(2, (n,), generator=generator, device=device)
        other = torch.randint(
            1, self.symbols, (n,), generator=generator, device=device
        )  # how far from the cue
        inputs[:, -1] = (inputs[:, 0] + other * (1 - matches)) % self.symbols
        return Batch(inputs, matches)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``delayed-match``."""
    register("delayed-match", DelayedMatch)
