"""Next-symbol prediction on strings a^n b^n (c^n), whose best cross-entropy is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, LinePlot, Preset, Tokens
from rnnbench.metrics import CROSS_ENTROPY, counted_steps, cross_entropy

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict

GERS = Citation(
    "Gers and Schmidhuber 2001",
    "LSTM Recurrent Networks Learn Simple Context-Free and Context-Sensitive Languages",
    "IEEE Transactions on Neural Networks 12(6)",
    "https://doi.org/10.1109/72.963769",
)
LAN = Citation(
    "Lan et al. 2022",
    "Minimum Description Length Recurrent Neural Networks",
    "Transactions of the ACL 10",
    "https://arxiv.org/abs/2111.00600",
)


def counting_presets(quick: Mapping[str, object], quick_steps: int) -> Mapping[str, Preset]:
    """Return the presets of a counting language."""
    return {
        "quick": Preset(
            quick,
            {"steps": quick_steps, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 32},
        ),
        "standard": Preset(
            {"length": 200, "stop": 0.03},
            {"steps": 20_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64},
        ),
    }


def binary_entropy(probability: float) -> float:
    """Return the entropy in nats of a Bernoulli variable."""
    return -sum(p * math.log(p) for p in (probability, 1 - probability) if p > 0)


@dataclass(frozen=True)
class CountingLanguage(GeneratedTask):
    """Base of next-symbol prediction on strings of n times each of K letters, in order.

    n is geometric: after each a, another a follows with probability 1 - ``stop``. A sequence is
    the beginning, T + 1 symbols, of an endless series of independent strings, each after a
    separator #. The network reads the first T symbols and predicts the last T. With K = 2::

        input:   #  a  a  b  b  #  a  b  #
        target:  a  a  b  b  #  a  b  #  a

    What follows an a is random. All other symbols are predictable, those after b only by counting.

    Attributes:
        length: T, number of symbols predicted per sequence.
        stop: probability that an a is the last one; 1 / ``stop`` is the mean of n.
    """

    length: Annotated[int, Field(ge=4)] = 100
    stop: Annotated[float, Field(gt=0, lt=1)] = 0.05

    letters: ClassVar[int]
    """K: letters 0 to K - 1; the separator is K."""

    steps = "every"
    metric = CROSS_ENTROPY
    causal_only = True  # the next input is the target

    citations = (GERS, LAN)

    @property
    def inputs(self) -> Tokens:
        """The letters and the separator."""
        return Tokens(self.letters + 1)

    @property
    def outputs(self) -> Tokens:
        """The letters and the separator."""
        return Tokens(self.letters + 1)

    @cached_property
    def perfect(self) -> float:
        """The entropy of the process in nats per symbol: that of the choices after each a."""
        return float(self._reads[0]) * binary_entropy(self.stop) / self.length

    @cached_property
    def baseline(self) -> float:
        """The cross-entropy of the best predictor from the last symbol alone.

        It knows that a string begins with a, and for each letter how often it is the last of its
        kind.
        """
        nats = sum(
            float(read) * binary_entropy(float(last / read))
            for read, last in zip(self._reads, self._lasts, strict=True)
            if read > 0
        )
        return nats / self.length

    @property
    def solved(self) -> float:
        """A skill of 0.9."""
        return self.perfect + (self.baseline - self.perfect) / 10

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The cross-entropy of the uniform distribution over all symbols."""
        return {"all symbols alike": math.log(self.letters + 1)}

    @property
    def _reads(self) -> Tensor:
        """The expected number of each letter among the T inputs of a sequence: (K,)."""
        return self._expected[0]

    @property
    def _lasts(self) -> Tensor:
        """The expected number of inputs that are the last of their kind in a string: (K,)."""
        return self._expected[1]

    @cached_property
    def _expected(self) -> tuple[Tensor, Tensor]:
        total = self.length
        counts = torch.arange(1, total + 1)
        chances = self.stop * (1 - self.stop) ** (counts.double() - 1)  # of n = 1 .. T
        # the probability that a separator, and that the last of each letter, is at each step
        starts = torch.zeros(total, dtype=torch.float64)
        ends = torch.zeros(self.letters, total, dtype=torch.float64)
        starts[0] = 1
        for step in range(total):
            if step:
                starts[step] = ends[-1, step - 1]
            for letter in range(self.letters):
                at = step + (letter + 1) * counts
                inside = at < total
                ends[letter].index_add_(0, at[inside], starts[step] * chances[inside])
        opened = torch.cat([starts[None], ends[:-1]]).cumsum(1)
        reads = (opened - ends.cumsum(1))[:, :-1].sum(1)
        return reads, ends.sum(1)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs and targets (n, T), on ``generator.device``."""
        most = self.length // (self.letters + 1) + 1  # strings that T + 1 symbols touch
        uniform = torch.rand(
            n, most, generator=generator, device=generator.device, dtype=torch.float64
        )
        counts = 1 + (uniform.log() / math.log1p(-self.stop)).floor().clamp_max(self.length).long()
        symbols = self._written(counts, self.length + 1)
        return Batch(symbols[:, :-1], symbols[:, 1:])

    def _written(self, counts: Tensor, total: int) -> Tensor:
        """Return the first ``total`` symbols (n, total) of strings of ``counts`` (n, S)."""
        ends = (self.letters * counts + 1).cumsum(1)
        steps = torch.arange(total, device=counts.device).expand(len(counts), -1).contiguous()
        string = torch.searchsorted(ends, steps, right=True).clamp_max(counts.shape[1] - 1)
        counts = counts.gather(1, string)
        place = steps - (ends.gather(1, string) - self.letters * counts)  # -1 at the separator
        return torch.where(place < 0, self.letters, place // counts)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return the letters of a string so far, with each step whose next symbol is decided."""
        read = batch.inputs
        string = (read == self.letters).cumsum(1)
        steps = torch.arange(read.shape[1], device=read.device)
        decided = (read > 0) & (read < self.letters)  # (n, T)
        same = (string[:, :, None] == string[:, None, :]) & (read < self.letters)[:, :, None]
        return (same & decided[:, None, :] & (steps[:, None] <= steps)).nonzero()

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Report the accuracy of predictable symbols, and plot how single strings are predicted.

        The plot has the probability that the network gives to all predictable symbols of a string
        together, because a network that miscounts is wrong at one symbol alone.
        """
        decided = (test.inputs > 0) & (test.inputs < self.letters)
        right = predict(test.inputs, test.lengths).argmax(-1) == test.targets
        strings, trained = self._single_strings(test.inputs.device)
        outputs = predict(strings.inputs, strings.lengths)
        counted = counted_steps(outputs, strings) > 0
        hits = outputs.argmax(-1) == strings.targets
        complete = (hits | ~counted).all(1).tolist()
        nats = cross_entropy(outputs.double(), strings)[0]
        chances = torch.where(counted, nats, 0).sum(1).neg().exp().tolist()
        scores = {
            # a sequence of one long string has no predictable symbol
            "accuracy of predictable symbols": float(
                (right & decided).sum() / decided.sum().clamp_min(1)
            ),
            "largest n up to which every string is predicted": float(
                [*complete, False].index(False)
            ),
        }
        plot = LinePlot(
            title="Predictable symbols by n",
            x_label="n",
            y_label="probability of them all",
            x=tuple(range(1, len(strings) + 1)),
            lines={"model": tuple(chances)},
            span=(1, trained),
            span_label="lengths trained on",
        )
        return Diagnosis(scores, (plot,))

    def _single_strings(self, device: torch.device) -> tuple[Batch, int]:
        """Return one string for each n up to twice the largest of training, and the latter."""
        trained = self.length // self.letters
        counts = torch.arange(1, 2 * trained + 1, device=device)
        longest = self.letters * 2 * trained + 2
        # a second string after it, of which only the separator is used
        symbols = self._written(torch.stack([counts, torch.full_like(counts, longest)], 1), longest)
        inputs, targets = symbols[:, :-1], symbols[:, 1:]
        decided = (inputs > 0) & (inputs < self.letters)
        lengths = self.letters * counts + 1
        steps = torch.arange(longest - 1, device=device)
        return (
            Batch(inputs, targets, lengths, decided & (steps < lengths[:, None])),
            trained,
        )
