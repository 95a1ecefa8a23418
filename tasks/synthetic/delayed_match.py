"""Delayed match: whether the last symbol equals the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Preset, RegisterTask, Tokens
from rnnbench.metrics import ACCURACY

from .._common.pairs import pairs_of

if TYPE_CHECKING:
    from torch import Tensor

_MILLER = Citation(
    "Miller et al. 1996",
    "Neural Mechanisms of Visual Working Memory in Prefrontal Cortex of the Macaque",
    "Journal of Neuroscience 16(16)",
    "https://doi.org/10.1523/JNEUROSCI.16-16-05154.1996",
)


@dataclass(frozen=True)
class DelayedMatch(GeneratedTask):
    """Delayed match to sample, with distractors in between (after Miller et al. 1996).

    A sequence is a cue, ``delay`` distractors and a probe. The target at the probe is whether it
    equals the cue. Cue and distractors are independent and uniform over the symbols, so that
    distractors may equal the cue or the probe. The probe equals the cue with probability 1/2 and is
    otherwise uniform over the other symbols. The target is independent of the cue, of the
    distractors and of the probe, but not of cue and probe together.

    Attributes:
        delay: number of distractors between cue and probe.
        symbols: number of symbols.
    """

    delay: PositiveInt = 50
    symbols: Annotated[int, Field(ge=2)] = 8

    outputs = Tokens(2)
    """No match, match."""
    steps = "last"
    metric = ACCURACY
    baseline = 0.5
    """Chance: the match is independent of the probe."""
    perfect = 1.0
    solved = 0.99

    citations = (_MILLER,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"delay": 10, "symbols": 6},
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
    def length(self) -> int:
        """The cue, the distractors and the probe."""
        return self.delay + 2

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences (n, delay + 2) with targets (n,), which are 1 for a match."""
        device = generator.device
        inputs = torch.randint(self.symbols, (n, self.length), generator=generator, device=device)
        matches = torch.randint(2, (n,), generator=generator, device=device)
        # the distance of a probe that does not match from the cue
        distance = torch.randint(1, self.symbols, (n,), generator=generator, device=device)
        inputs[:, -1] = (inputs[:, 0] + distance * (1 - matches)) % self.symbols
        return Batch(inputs, matches)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return the cue and the probe, with the probe's step."""
        read = torch.tensor([[0, self.length - 1]], device=batch.inputs.device)
        return pairs_of(read.expand(len(batch), -1), read[:, -1:])


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``delayed-match``."""
    register("delayed-match", DelayedMatch)
