"""Copy memory: recall symbols in order after a delay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import PositiveInt

import rnnbench
from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, Metric, Preset, Tokens, Vectors
from rnnbench.metrics import cross_entropy

from .._common.citations import ARJOVSKY, HOCHREITER_AND_SCHMIDHUBER
from .._common.pairs import pairs_of
from ._published import COPY_MEMORY

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask

ALPHABET = 8
BLANK = ALPHABET
DELIMITER = ALPHABET + 1

_BAI = Citation(
    "Bai et al. 2018",
    "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
    "",
    "https://arxiv.org/abs/1803.01271",
)
_GU = Citation(
    "Gu et al. 2022",
    "Efficiently Modeling Long Sequences with Structured State Spaces",
    "ICLR",
    "https://arxiv.org/abs/2111.00396",
)


@dataclass(frozen=True)
class CopyMemory(GeneratedTask):
    """Copy memory: repeat symbols seen before a long run of blanks (Arjovsky et al. 2016).

    With delay T and S symbols to remember, a sequence of T + 2S steps reads and predicts::

        input:   s_1 .. s_S   blank x (T - 1)   delimiter   blank x S
        target:  blank x (T + S)                            s_1 .. s_S

    with ``s_i`` independent and uniform over 8 symbols. The training loss is the cross-entropy over
    every step, as in the paper. The score is the accuracy on the S recalled symbols alone, because
    the blanks need no memory. Without memory the best accuracy is 1/8 and the best cross-entropy
    ``S ln 8 / (T + 2S)`` nats. The paper has S = 10 and T from 100 to 500.

    Two variants have the same T and S but are other tasks; their scores are not comparable. In
    ``bai-2018`` the delimiter is repeated to the end, S + 1 times in all, and the input is a single
    number (0 for the blank, 1 to 8 for the symbols, 9 for the delimiter). In ``gu-2022`` the
    delimiter is at the S recall steps, and only these count in the loss.

    Attributes:
        delay: T, steps from the end of the symbols to the start of the recall; the last of them is
            the delimiter.
        symbols: S, number of symbols to remember.
        variant: definition of the task: ``arjovsky-2016``, ``bai-2018`` or ``gu-2022``.
    """

    delay: PositiveInt = 100
    symbols: PositiveInt = 10
    variant: Literal["arjovsky-2016", "bai-2018", "gu-2022"] = "arjovsky-2016"

    outputs = Tokens(ALPHABET + 1)
    """The symbols and the blank."""
    steps = "every"
    baseline = 1 / ALPHABET
    perfect = 1.0
    solved = 0.99

    citations = (ARJOVSKY, HOCHREITER_AND_SCHMIDHUBER, _BAI, _GU)
    published = COPY_MEMORY
    presets: ClassVar[Mapping[str, Preset]] = {
        # Gated models learn within seconds what a vanilla RNN does not. Of fewer symbols there are
        # so few sequences that training would draw those of the test: 85 % of them with 5 symbols.
        "quick": Preset(
            {"delay": 10, "symbols": 8},
            {"steps": 2000, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"delay": 50, "symbols": 10},
            {"steps": 6000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        # The public code of Arjovsky et al. 2016 (amarshah/complex_RNN, memory_problem.py and
        # optimizations.py): batches of 20, 20,000 steps of RMSprop at 1e-3 with a decay of 0.9,
        # each element of an LSTM's gradient clipped at 1, 10,000 test sequences; figures for T of
        # 100, 200, 300 and 500. It trains on 100,000 fixed sequences, which a preset cannot
        # express. The LSTM's 40 units are those of reimplementations, not verified against the
        # source.
        "paper": Preset(
            {"delay": 100, "symbols": 10},
            {
                "steps": 20_000,
                "batch_size": 20,
                "learning_rate": 1e-3,
                "optimizer": "rmsprop",
                "clip_norm": None,
                "clip_value": 1.0,
                "hidden_size": 40,
                "test_size": 10_000,
            },
        ),
    }

    @property
    def inputs(self) -> Tokens | Vectors:
        """The symbols, the blank and the delimiter; in ``bai-2018`` as one number."""
        return Vectors(1) if self.variant == "bai-2018" else Tokens(ALPHABET + 2)

    @property
    def length(self) -> int:
        """T + 2S."""
        return self.delay + 2 * self.symbols

    @cached_property
    def metric(self) -> Metric:
        """Accuracy on the S recalled symbols."""
        return Metric("recall accuracy", "higher", self._recalled)

    @property
    def memoryless_cross_entropy(self) -> float:
        """The loss in nats per step of knowing every blank and guessing every symbol."""
        counted = self.symbols if self.variant == "gu-2022" else self.length
        return self.symbols * math.log(ALPHABET) / counted

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs and targets (n, T + 2S), on ``generator.device``.

        In ``bai-2018`` the inputs are (n, T + 2S, 1).
        """
        remembered = torch.randint(
            ALPHABET, (n, self.symbols), generator=generator, device=generator.device
        )
        inputs = remembered.new_full((n, self.length), BLANK)
        targets = inputs.clone()
        inputs[:, : self.symbols] = remembered
        targets[:, -self.symbols :] = remembered
        recall = self.symbols + self.delay
        if self.variant == "bai-2018":
            inputs[:, recall - 1 :] = DELIMITER
            numbers = torch.where(inputs == DELIMITER, DELIMITER, inputs + 1)
            numbers = torch.where(inputs == BLANK, 0, numbers)
            return Batch(numbers.unsqueeze(-1).float(), targets)
        if self.variant == "gu-2022":
            inputs[:, recall:] = DELIMITER
            mask = torch.zeros_like(inputs, dtype=torch.bool)
            mask[:, recall:] = True
            return Batch(inputs, targets, mask=mask)
        inputs[:, recall - 1] = DELIMITER
        return Batch(inputs, targets)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return (symbol i, i-th step of the recall) for all S symbols."""
        read = torch.arange(self.symbols, device=batch.inputs.device).expand(len(batch), -1)
        return pairs_of(read, read + self.symbols + self.delay)

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Report the test cross-entropy, and plot the accuracy by position of the symbol."""
        outputs = predict(test.inputs, test.lengths)
        nats, weights = cross_entropy(outputs, test)
        nats = nats if weights is None else nats[weights > 0]
        by_position = self._recalled(outputs, test)[0].double().mean(0).tolist()
        plot = rnnbench.LinePlot(
            title="Recall by position",
            x_label="position of the symbol",
            y_label="accuracy",
            x=tuple(range(1, self.symbols + 1)),
            lines={"model": tuple(by_position), "chance": (self.baseline,) * self.symbols},
        )
        scores = {
            "cross-entropy": float(nats.double().mean()),
            "memoryless cross-entropy": self.memoryless_cross_entropy,
        }
        return Diagnosis(scores, (plot,))

    def _recalled(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, None]:
        """Measure whether each recalled symbol is correct: (B, S)."""
        recalled = slice(-self.symbols, None)
        right = outputs[:, recalled].argmax(-1) == batch.targets[:, recalled]  # (B, S)
        return right.to(outputs.dtype), None


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``copy-memory``."""
    register("copy-memory", CopyMemory)
