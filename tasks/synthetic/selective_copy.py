"""Selective copy: recall the symbols that were scattered in noise, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Preset, RegisterTask, Tokens
from rnnbench.metrics import correct

NOISE = 0

_GU_DAO = Citation(
    "Gu and Dao 2023", "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", "",
    "https://arxiv.org/abs/2312.00752",
)  # fmt: skip
_JING = Citation(
    "Jing et al. 2019", "Gated Orthogonal Recurrent Units: On Learning to Forget", "Neural Computation 31(4)",
    "https://arxiv.org/abs/1706.02761",
)  # fmt: skip


@dataclass(frozen=True)
class SelectiveCopy(GeneratedTask):
    """Selective copy: recall symbols scattered in noise, in their order (Gu and Dao 2023).

    The task is a variant of the one by Jing et al. 2019.

    The first ``noisy_length`` steps hold ``tokens`` symbols, at places drawn without replacement,
    and the noise symbol elsewhere. As many markers follow, at which the symbols are told in order;
    the loss is on these steps alone. Of the ``vocab`` symbols one is noise and one the marker; the
    others are independent and uniform. Gu and Dao have 16 tokens in 4096 steps and a vocabulary of
    16, noise included; that the marker is one of the 16 follows the public code of the task they
    start from (state-spaces/s4, src/dataloaders/datasets/copying.py).

    Attributes:
        noisy_length: steps that tokens and noise fill.
        tokens: how many symbols to remember.
        vocab: symbols, noise and marker included.
    """

    noisy_length: PositiveInt = 64
    tokens: PositiveInt = 8
    vocab: Annotated[int, Field(ge=4)] = 16

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_GU_DAO, _JING)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"noisy_length": 30, "tokens": 4, "vocab": 8},
            {"steps": 3000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"noisy_length": 64, "tokens": 8},
            {"steps": 20_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
        # Gu and Dao 2023, appendix E.1: 400,000 steps in batches of 64, a constant learning rate of
        # 1e-4, models of width 64. Their two layers are an option of the model, e.g.
        # lstm[num_layers=2]. The optimizer is not named there (Adam for the task that follows), nor
        # is any clipping, which stays at this harness's default.
        "paper": Preset(
            {"noisy_length": 4096, "tokens": 16, "vocab": 16},
            {"steps": 400_000, "batch_size": 64, "learning_rate": 1e-4, "hidden_size": 64},
        ),
    }

    def __post_init__(self) -> None:
        if self.tokens > self.noisy_length:
            raise ValueError(
                f"tokens={self.tokens} do not fit into noisy_length={self.noisy_length} steps"
            )

    @property
    def inputs(self) -> Tokens:
        """Noise, symbols, and last the marker."""
        return Tokens(self.vocab)

    @property
    def outputs(self) -> Tokens:
        """The symbols, counted from the first after the noise."""
        return Tokens(self.vocab - 2)

    @property
    def steps(self) -> Literal["every"]:
        """Every step, of which the markers count."""
        return "every"

    @property
    def length(self) -> int:
        """Noisy steps, then a marker for each token."""
        return self.noisy_length + self.tokens

    @property
    def metric(self) -> Metric:
        """Accuracy on the recalled symbols."""
        return Metric("recall accuracy", "higher", correct)

    @property
    def baseline(self) -> float:
        """Chance."""
        return 1 / (self.vocab - 2)

    @property
    def perfect(self) -> float:
        """Every symbol recalled."""
        return 1.0

    @property
    def solved(self) -> float:
        """At most one symbol in a hundred wrong."""
        return 0.99

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences (n, noisy_length + tokens) with targets and mask of that shape, on
        ``generator.device``.
        """
        device = generator.device
        tokens = torch.randint(self.vocab - 2, (n, self.tokens), generator=generator, device=device)
        scores = torch.rand(n, self.noisy_length, generator=generator, device=device)
        places = scores.topk(self.tokens, sorted=False).indices.sort(1).values  # (n, tokens)
        inputs = torch.full((n, self.length), NOISE, device=device)
        inputs.scatter_(1, places, tokens + 1)
        inputs[:, self.noisy_length :] = self.vocab - 1
        targets = torch.zeros_like(inputs)
        targets[:, self.noisy_length :] = tokens
        mask = torch.zeros_like(inputs, dtype=torch.bool)
        mask[:, self.noisy_length :] = True
        return Batch(inputs, targets, mask=mask)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``selective-copy``."""
    register("selective-copy", SelectiveCopy)
