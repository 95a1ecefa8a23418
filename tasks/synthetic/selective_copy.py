"""Selective copy: recall symbols in order that were scattered in noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Preset, RegisterTask, Tokens
from rnnbench.metrics import correct

from .._common.pairs import pairs_of

if TYPE_CHECKING:
    from torch import Tensor

NOISE = 0

_GU_DAO = Citation(
    "Gu and Dao 2023",
    "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
    "",
    "https://arxiv.org/abs/2312.00752",
)
_JING = Citation(
    "Jing et al. 2019",
    "Gated Orthogonal Recurrent Units: On Learning to Forget",
    "Neural Computation 31(4)",
    "https://arxiv.org/abs/1706.02761",
)
_RECALL_ACCURACY = Metric("recall accuracy", "higher", correct)


@dataclass(frozen=True)
class SelectiveCopy(GeneratedTask):
    """Selective copy: recall symbols in order that were scattered in noise (Gu and Dao 2023).

    The first ``noisy_length`` steps have ``tokens`` symbols at positions drawn without replacement
    and the noise symbol elsewhere. As many markers follow, at which the symbols are predicted in
    order; the loss is on these steps alone. One of the ``vocab`` symbols is noise and one is the
    marker; the others are independent and uniform.

    The task is a variant of the one by Jing et al. 2019. Gu and Dao have 16 tokens in 4096 steps
    and a vocabulary of 16, noise included. That the marker is one of the 16 follows the public code
    of the task they start from (state-spaces/s4, src/dataloaders/datasets/copying.py).

    Attributes:
        noisy_length: number of steps with tokens and noise.
        tokens: number of symbols to remember.
        vocab: number of symbols, noise and marker included.
    """

    noisy_length: PositiveInt = 64
    tokens: PositiveInt = 8
    vocab: Annotated[int, Field(ge=4)] = 16

    steps = "every"
    metric = _RECALL_ACCURACY
    perfect = 1.0
    solved = 0.99

    citations = (_GU_DAO, _JING)
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
        # lstm[num_layers=2]. The appendix names no optimizer (Adam for the next task) and no
        # clipping; both stay at the defaults.
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
        """Noise, the symbols, and last the marker."""
        return Tokens(self.vocab)

    @property
    def outputs(self) -> Tokens:
        """The symbols without noise and marker."""
        return Tokens(self.vocab - 2)

    @property
    def length(self) -> int:
        """The noisy steps and one marker per token."""
        return self.noisy_length + self.tokens

    @property
    def baseline(self) -> float:
        """Chance."""
        return 1 / (self.vocab - 2)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs, targets and mask (n, noisy_length + tokens)."""
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

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return (the i-th symbol in the noise, the i-th marker) for all symbols."""
        noisy = batch.inputs[:, : self.noisy_length]
        steps = torch.arange(self.noisy_length, device=noisy.device)
        # the steps of the symbols come first, in order
        read = torch.where(noisy != NOISE, steps, self.length).sort(1).values[:, : self.tokens]
        written = torch.arange(self.noisy_length, self.length, device=noisy.device)
        return pairs_of(read, written)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``selective-copy``."""
    register("selective-copy", SelectiveCopy)
