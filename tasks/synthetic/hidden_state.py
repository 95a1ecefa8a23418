"""Hidden state: the state of a Markov chain at every step, seen through noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Preset, RegisterTask, Tokens
from rnnbench.metrics import ACCURACY

if TYPE_CHECKING:
    from torch import Tensor

_RABINER = Citation(
    "Rabiner 1989",
    "A tutorial on hidden Markov models and selected applications in speech recognition",
    "Proceedings of the IEEE 77(2)",
    "https://doi.org/10.1109/5.18626",
)
_SEQUENCES = 4000
"""Sequences over which the accuracies of filter and smoother are averaged."""
_SEED = 0

Probability = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class HiddenState(GeneratedTask):
    """Hidden state: the state of a Markov chain at every step, seen through noise (Rabiner 1989).

    The first state is uniform. At each further step the chain stays with probability ``stay`` and
    otherwise moves to one of the other states, all alike. A step shows its state with probability
    1 - ``noise`` and otherwise one of the other states, all alike. The target at every step is the
    state. Earlier observations tell about it, and so do later ones.

    Skill 0 is the observation of the step itself. Skill 1 is the smoother, which knows the process
    and reads the whole sequence. The filter, which reads no later step, is the best causal model.

    Attributes:
        chain: number of steps.
        states: number of states.
        stay: probability of staying in a state; above that of any other one.
        noise: probability of showing another state; a state is the most probable one to be shown.
    """

    chain: Annotated[int, Field(ge=2)] = 50
    states: Annotated[int, Field(ge=2)] = 4
    stay: Probability = 0.95
    noise: Probability = 0.5

    steps = "every"
    metric = ACCURACY

    citations = (_RABINER,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 1000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 32}
        ),
        "standard": Preset(
            {"chain": 100},
            {"steps": 5000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64},
        ),
    }

    def __post_init__(self) -> None:
        for name, likely in (("stay", self.stay), ("noise", 1 - self.noise)):
            other = (1 - likely) / (self.states - 1)
            if likely <= other:
                limit = 1 / self.states if name == "stay" else 1 - 1 / self.states
                side = "above" if name == "stay" else "below"
                raise ValueError(
                    f"{name}={getattr(self, name):g} must be {side} {limit:.4g} with "
                    f"states={self.states}"
                )

    @property
    def inputs(self) -> Tokens:
        """The state that a step shows."""
        return Tokens(self.states)

    @property
    def outputs(self) -> Tokens:
        """The states."""
        return Tokens(self.states)

    @property
    def length(self) -> int:
        """The steps of the chain."""
        return self.chain

    @property
    def baseline(self) -> float:
        """The best guess from the observation of the step alone, which is the observation."""
        return 1 - self.noise

    @property
    def perfect(self) -> float:
        """The accuracy of the smoother."""
        return self._accuracies[1]

    @property
    def solved(self) -> float:
        """Nine tenths of the way from the baseline to the smoother."""
        return self.baseline + 0.9 * (self.perfect - self.baseline)

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The accuracy of the filter, which no causal model exceeds."""
        return {"filter": self._accuracies[0]}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: observations and states (n, chain)."""
        moves = self._shifts(n, 1 - self.stay, generator)
        moves[:, 0] = torch.randint(self.states, (n,), generator=generator, device=moves.device)
        states = moves.cumsum(1) % self.states
        shown = (states + self._shifts(n, self.noise, generator)) % self.states
        return Batch(shown, states)

    def _shifts(self, n: int, probability: float, generator: torch.Generator) -> Tensor:
        """Return distances (n, chain), not 0 with this probability, and then uniform."""
        size, device = (n, self.chain), generator.device
        shifted = torch.rand(size, generator=generator, device=device) < probability
        return shifted * torch.randint(1, self.states, size, generator=generator, device=device)

    def posteriors(self, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Return the exact posteriors of the states, by the forward-backward algorithm.

        Args:
            shown: observations (n, chain).

        Returns:
            Those of the filter, given the observations up to each step, and of the smoother, given
            all of them; (n, chain, states) float64 each.
        """
        move = self._symmetric(self.stay)
        likelihood = self._symmetric(1 - self.noise)[shown]  # (n, chain, states)
        before = torch.full_like(likelihood[:, 0], 1 / self.states)
        forward = []
        for step in range(self.chain):
            now = before * likelihood[:, step]
            forward.append(now / now.sum(1, keepdim=True))
            before = forward[-1] @ move
        after = torch.ones_like(before)
        smoothed = []
        for step in reversed(range(self.chain)):
            both = forward[step] * after
            smoothed.append(both / both.sum(1, keepdim=True))
            after = (after * likelihood[:, step]) @ move
            after = after / after.sum(1, keepdim=True)
        return torch.stack(forward, 1), torch.stack(smoothed[::-1], 1)

    def _symmetric(self, likely: float) -> Tensor:
        """Return a matrix (states, states) with ``likely`` on its diagonal; rows sum to 1."""
        other = (1 - likely) / (self.states - 1)
        matrix = torch.full((self.states, self.states), other, dtype=torch.float64)
        return matrix.fill_diagonal_(likely)

    @cached_property
    def _accuracies(self) -> tuple[float, float]:
        """Expected accuracies of filter and smoother, averaged over fixed sequences.

        The mean of the largest posterior is the accuracy of guessing by it, and varies less over
        sequences than a count of right guesses.
        """
        shown = self.sample(_SEQUENCES, torch.Generator().manual_seed(_SEED)).inputs
        filtered, smoothed = self.posteriors(shown)
        return (float(filtered.amax(2).mean()), float(smoothed.amax(2).mean()))


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``hidden-state``."""
    register("hidden-state", HiddenState)
