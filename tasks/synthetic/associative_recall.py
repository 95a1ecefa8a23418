"""Associative recall: what value came with this key?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Preset, RegisterTask, Tokens
from rnnbench.metrics import correct

if TYPE_CHECKING:
    from torch import Tensor

FILLER = 0

_ARORA = Citation(
    "Arora et al. 2023", "Zoology: Measuring and Improving Recall in Efficient Language Models", "ICLR 2024",
    "https://arxiv.org/abs/2312.04927",
)  # fmt: skip


@dataclass(frozen=True)
class AssociativeRecall(GeneratedTask):
    """Multi-query associative recall (Arora et al. 2023).

    A sequence first holds ``pairs`` keys, each followed by its value, then filler in which each key
    stands once more; there its value is asked for, and the loss is on these steps alone. With two
    pairs, for example::

        input:   k1 v1 k2 v2   0  0  k2  0  k1  0  0  0
        target:                      v2     v1

    Of the symbols 0 to ``vocab`` - 1, 0 is filler, those below ``vocab`` // 2 are keys, the rest
    values; keys and values of a sequence are drawn without replacement. A key is asked for at one
    of the places 0, 2, 4, ... after the pairs, drawn without replacement with probabilities
    proportional to (1, 2, 3, ...) ** (``power`` - 1): mostly soon.

    Attributes:
        pairs: how many keys with their values.
        length: steps of a sequence, even, at least 4 for each pair.
        vocab: symbols; the source takes more than steps.
        power: a of the power law; 1 makes all places alike.
        random_filler: whether filler is drawn from all symbols instead, the default of the source's
            code, but not of figure 2.
    """

    pairs: PositiveInt = 4
    length: PositiveInt = 32
    vocab: Annotated[int, Field(ge=4)] = 64
    power: Annotated[float, Field(gt=0)] = 0.01
    random_filler: bool = False

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_ARORA,)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {"pairs": 2, "length": 16, "vocab": 16},
            {"steps": 3000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"pairs": 4, "length": 32, "vocab": 64},
            {"steps": 30_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
        # The public code of Arora et al. 2023 (HazyResearch/zoology,
        # experiments/iclr24_zoology_figure2/configs.py, train.py): 4 pairs in 64 steps are the
        # first of figure 2's settings, to 64 pairs in 512; at most 64 epochs of 100,000 sequences
        # in batches of 512, AdamW with a decay of 0.1, no clipping, 3,000 test sequences. Of
        # learning rates 1e-4, 4.6e-4, 2.2e-3 and 1e-2 and of widths 64, 128, 256 and 512 the best
        # is told; these are one of each. What a preset cannot ask for: the rate's cosine decay,
        # dropout of 0.1 on the embedding, an end at an accuracy of 0.99, and a fixed set of
        # sequences.
        "paper": Preset(
            {"pairs": 4, "length": 64, "vocab": 8192},
            {"steps": 12_544, "batch_size": 512, "learning_rate": 2.2e-3, "optimizer": "adamw", "weight_decay": 0.1,
             "clip_norm": None, "hidden_size": 128, "test_size": 3000},
        ),
    }  # fmt: skip

    def __post_init__(self) -> None:
        if self.length % 2 or self.length < 4 * self.pairs:
            raise ValueError(
                f"length={self.length} must be even and at least 4 for each of pairs={self.pairs}"
            )
        if self.pairs >= self.vocab // 2:
            raise ValueError(
                f"vocab={self.vocab} holds {self.vocab // 2 - 1} keys, too few for pairs={self.pairs}"
            )

    @property
    def inputs(self) -> Tokens:
        """Filler, keys and values."""
        return Tokens(self.vocab)

    @property
    def outputs(self) -> Tokens:
        """The same symbols, as in the source, though only values are asked for."""
        return Tokens(self.vocab)

    @property
    def steps(self) -> Literal["every"]:
        """Every step, of which those that ask count."""
        return "every"

    @property
    def metric(self) -> Metric:
        """Accuracy where a value is asked for."""
        return Metric("recall accuracy", "higher", correct)

    @property
    def values(self) -> int:
        """How many values there are."""
        return self.vocab - self.vocab // 2

    @property
    def baseline(self) -> float:
        """Chance: the key alone says nothing about its value."""
        return 1 / self.values

    @property
    def perfect(self) -> float:
        """Every value recalled."""
        return 1.0

    @property
    def solved(self) -> float:
        """At most one value in a hundred wrong."""
        return 0.99

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The accuracy of naming any value of the sequence, keys forgotten."""
        return {"any value of the sequence": 1 / self.pairs}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences (n, T) with targets and mask of that shape, on ``generator.device``."""
        device, pairs = generator.device, self.pairs
        keys = 1 + _distinct(n, pairs, torch.ones(self.vocab // 2 - 1, device=device), generator)
        values = self.vocab // 2 + _distinct(
            n, pairs, torch.ones(self.values, device=device), generator
        )
        places = torch.arange(1, self.length // 2 - pairs + 1, device=device) ** (self.power - 1)
        asked = 2 * pairs + 2 * _distinct(n, pairs, places, generator)  # (n, pairs)
        inputs = torch.full((n, self.length), FILLER, device=device)
        if self.random_filler:
            inputs = torch.randint(self.vocab, (n, self.length), generator=generator, device=device)
        inputs[:, 0 : 2 * pairs : 2] = keys
        inputs[:, 1 : 2 * pairs : 2] = values
        inputs.scatter_(1, asked, keys)
        targets = torch.zeros_like(inputs).scatter_(1, asked, values)
        mask = torch.zeros_like(inputs, dtype=torch.bool).scatter_(1, asked, True)
        return Batch(inputs, targets, mask=mask)


def _distinct(n: int, count: int, weights: Tensor, generator: torch.Generator) -> Tensor:
    """Draw ``count`` places without replacement, one after the other, with chances in proportion to
    ``weights`` (N,).

    An exponential clock of rate w runs for each place; the order in which they ring is that of
    drawing (Efraimidis and Spirakis 2006). Returns (n, count) int64.
    """
    clocks = (
        torch.rand(n, len(weights), generator=generator, device=weights.device).log_().neg_()
        / weights
    )
    return clocks.topk(count, largest=False).indices


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``associative-recall``."""
    register("associative-recall", AssociativeRecall)
