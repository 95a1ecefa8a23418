"""Associative recall: the value that followed a key."""

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

FILLER = 0

_ARORA = Citation(
    "Arora et al. 2023",
    "Zoology: Measuring and Improving Recall in Efficient Language Models",
    "ICLR 2024",
    "https://arxiv.org/abs/2312.04927",
)
_RECALL_ACCURACY = Metric("recall accuracy", "higher", correct)


@dataclass(frozen=True)
class AssociativeRecall(GeneratedTask):
    """Multi-query associative recall (Arora et al. 2023).

    A sequence begins with ``pairs`` keys, each followed by its value. In the filler that follows,
    each key occurs once more, where its value is the target. The loss is on these steps alone. With
    two pairs, for example::

        input:   k1 v1 k2 v2   0  0  k2  0  k1  0  0  0
        target:                      v2     v1

    Of the symbols 0 to ``vocab`` - 1, 0 is filler, those below ``vocab`` // 2 are keys, and the
    others are values. Keys and values of a sequence are drawn without replacement. The queries are
    at the positions 0, 2, 4, ... after the pairs, drawn without replacement with probabilities
    proportional to (1, 2, 3, ...) ** (``power`` - 1), so that most come early.

    Attributes:
        pairs: number of keys with their values.
        length: steps of a sequence, even, at least 4 per pair.
        vocab: number of symbols; in the paper it is larger than the number of steps.
        power: a of the power law; 1 makes all positions equally likely.
        random_filler: draw the filler from all symbols, which is the default of the paper's code
            but not used in its figure 2.
    """

    pairs: PositiveInt = 4
    length: PositiveInt = 32
    vocab: Annotated[int, Field(ge=4)] = 64
    power: Annotated[float, Field(gt=0)] = 0.01
    random_filler: bool = False

    steps = "every"
    metric = _RECALL_ACCURACY
    perfect = 1.0
    solved = 0.99

    citations = (_ARORA,)
    presets: ClassVar[Mapping[str, Preset]] = {
        # With 16 symbols there are so few sequences that training would draw 93 % of the test.
        "quick": Preset(
            {"pairs": 2, "length": 16, "vocab": 72},
            {"steps": 3000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"pairs": 4, "length": 32, "vocab": 64},
            {"steps": 30_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
        # The public code of Arora et al. 2023 (HazyResearch/zoology,
        # experiments/iclr24_zoology_figure2/configs.py, train.py): 4 pairs in 64 steps are the
        # first of figure 2's settings, to 64 pairs in 512; at most 64 epochs of 100,000 sequences
        # in batches of 512, AdamW with a decay of 0.1 of all parameters, half a cosine of the
        # learning rate to 0 (in steps of an epoch; here of an optimizer step), dropout of 0.1 on
        # the embedding, no clipping, 3,000 test sequences. It reports the best of the learning
        # rates 1e-4, 4.6e-4, 2.2e-3 and 1e-2 and of the widths 64, 128, 256 and 512; the preset has
        # one of each. A preset cannot express early stopping at an accuracy of 0.99, and a fixed
        # training set.
        "paper": Preset(
            {"pairs": 4, "length": 64, "vocab": 8192},
            {
                "steps": 12_544,
                "batch_size": 512,
                "learning_rate": 2.2e-3,
                "optimizer": "adamw",
                "schedule": "cosine",
                "weight_decay": 0.1,
                "weight_decay_on": "all",
                "embedding_dropout": 0.1,
                "clip_norm": None,
                "hidden_size": 128,
                "test_size": 3000,
            },
        ),
    }

    def __post_init__(self) -> None:
        if self.length % 2 or self.length < 4 * self.pairs:
            raise ValueError(
                f"length={self.length} must be even and at least 4 times pairs={self.pairs}"
            )
        if self.pairs >= self.vocab // 2:
            raise ValueError(
                f"vocab={self.vocab} has {self.vocab // 2 - 1} keys, too few for pairs={self.pairs}"
            )

    @property
    def inputs(self) -> Tokens:
        """Filler, keys and values."""
        return Tokens(self.vocab)

    @property
    def outputs(self) -> Tokens:
        """The input symbols, as in the paper, although only values are targets."""
        return Tokens(self.vocab)

    @property
    def values(self) -> int:
        """Number of values."""
        return self.vocab - self.vocab // 2

    @property
    def baseline(self) -> float:
        """Chance: the key alone does not determine its value."""
        return 1 / self.values

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The accuracy of predicting any value of the sequence, without the keys."""
        return {"any value of the sequence": 1 / self.pairs}

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs, targets and mask (n, T), on ``generator.device``."""
        device, pairs = generator.device, self.pairs
        keys = 1 + _distinct(n, pairs, torch.ones(self.vocab // 2 - 1, device=device), generator)
        values = self.vocab // 2 + _distinct(
            n, pairs, torch.ones(self.values, device=device), generator
        )
        weights = torch.arange(1, self.length // 2 - pairs + 1, device=device) ** (self.power - 1)
        queries = 2 * pairs + 2 * _distinct(n, pairs, weights, generator)  # (n, pairs)
        inputs = torch.full((n, self.length), FILLER, device=device)
        if self.random_filler:
            inputs = torch.randint(self.vocab, (n, self.length), generator=generator, device=device)
        inputs[:, 0 : 2 * pairs : 2] = keys
        inputs[:, 1 : 2 * pairs : 2] = values
        inputs.scatter_(1, queries, keys)
        targets = torch.zeros_like(inputs).scatter_(1, queries, values)
        mask = torch.zeros_like(inputs, dtype=torch.bool).scatter_(1, queries, True)
        return Batch(inputs, targets, mask=mask)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return (key, query) and (value, query) of all pairs."""
        assert batch.mask is not None
        keys = batch.inputs[:, 0 : 2 * self.pairs : 2]  # (n, pairs)
        same = (batch.inputs[:, None] == keys[..., None]) & batch.mask[:, None]  # (n, pairs, T)
        queries = same.long().argmax(-1)
        place = 2 * torch.arange(self.pairs, device=keys.device).expand_as(queries)
        both = [pairs_of(place, queries), pairs_of(place + 1, queries)]
        return torch.cat(both)


def _distinct(n: int, count: int, weights: Tensor, generator: torch.Generator) -> Tensor:
    """Draw ``count`` of N indices without replacement, with probabilities by ``weights`` (N,).

    The order of independent exponential times of rates w is that of successive draws (Efraimidis
    and Spirakis 2006).

    Returns:
        Indices (n, count) int64.
    """
    uniform = torch.rand(n, len(weights), generator=generator, device=weights.device)
    times = uniform.log_().neg_() / weights
    return times.topk(count, largest=False).indices


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``associative-recall``."""
    register("associative-recall", AssociativeRecall)
