"""Tasks trained on short sequences and tested on longer ones, length by length (Deletang et al.
2023).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import PositiveInt

from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, LinePlot, Metric, Preset
from rnnbench.metrics import correct, counted_steps

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict

DELETANG = Citation(
    "Deletang et al. 2023",
    "Neural Networks and the Chomsky Hierarchy",
    "ICLR",
    "https://arxiv.org/abs/2207.02098",
)

_LENGTHS_DRAWN = 14
"""Points of the curve of accuracy by length, evenly spread in the logarithm."""
_SEQUENCES_PER_LENGTH = 100
_CURVE_SEED = 0

# Deletang et al. 2023, appendices A.2 and A.4: 256 units, a million steps of Adam in batches of
# 128, lengths up to 40 and tested up to 500; of learning rates 1e-4, 3e-4 and 5e-4 and ten seeds
# the best is told. Their public code (google-deepmind/ neural_networks_chomsky_hierarchy,
# experiments/training.py) clips the gradient's norm at 1, and its models/rnn.py has a ReLU between
# core and readout, which a preset cannot ask for. It tests 512 strings of each length, here it is
# 10 of each.
PAPER = Preset(
    {"train_length": 40, "test_length": 500},
    {
        "steps": 1_000_000,
        "batch_size": 128,
        "learning_rate": 5e-4,
        "clip_norm": 1.0,
        "hidden_size": 256,
        "test_size": 4600,
    },
)
STANDARD = Preset(
    {"train_length": 40, "test_length": 500},
    {
        "steps": 20_000,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "hidden_size": 128,
        "test_size": 1840,
    },
)


def quick(steps: int, *, hidden_size: int = 64, learning_rate: float = 3e-3) -> Preset:
    """Return a preset that takes ``steps`` optimizer steps, a minute or two on a processor core."""
    settings = {
        "steps": steps,
        "batch_size": 32,
        "learning_rate": learning_rate,
        "hidden_size": hidden_size,
        "test_size": 460,
    }
    return Preset({"train_length": 40, "test_length": 500}, settings)


@dataclass(frozen=True)
class ByLength(GeneratedTask):
    """What tasks on strings of varied length share: which lengths are trained and tested, the
    score, the curve by length.

    Training and validation draw each string's length uniformly from 1 to ``train_length``; the test
    spreads its strings evenly over the lengths beyond, up to ``test_length``. The source draws one
    length for each batch; here each string of a batch has its own, which leaves every string's
    distribution as it was. It does change the loss of answers that are strings: a long one weighs
    more than a short one beside it in the batch.

    The score is the accuracy of a string's output symbols, averaged over strings, hence over
    lengths: the source's score.

    Attributes:
        train_length: the longest string trained on.
        test_length: the longest string tested on.
    """

    train_length: PositiveInt = 40
    test_length: PositiveInt = 500

    citations: ClassVar[tuple[Citation, ...]] = (DELETANG,)

    def __post_init__(self) -> None:
        if self.test_length <= self.train_length:
            raise ValueError(
                f"test_length={self.test_length} must be longer than train_length={self.train_length}"
            )

    @abstractmethod
    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> Batch:
        """Draw one string for each of ``lengths`` (B,), padded as if the longest had ``longest``
        symbols.
        """

    @property
    @abstractmethod
    def length(self) -> int:
        """Time steps of the longest string trained on."""

    @cached_property
    def metric(self) -> Metric:
        """Accuracy of a string's output symbols, averaged over strings."""
        return Metric("accuracy beyond the training lengths", "higher", string_accuracy)

    @property
    def perfect(self) -> float:
        """Every symbol right."""
        return 1.0

    @property
    def solved(self) -> float:
        """The source counts a task as solved from 0.9 on."""
        return 0.9

    @property
    def test_lengths(self) -> range:
        """The lengths that the score is the mean over."""
        return range(self.train_length + 1, self.test_length + 1)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` strings of the lengths trained on, on ``generator.device``."""
        lengths = torch.randint(
            1, self.train_length + 1, (n,), generator=generator, device=generator.device
        )
        return self.draw(lengths, self.train_length, generator)

    def sample_test(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` strings spread evenly over the longer lengths, the shortest first."""
        tested = len(self.test_lengths)
        # the middle of each of n equal stretches: every length equally often where n is a multiple
        # of their number
        positions = (2 * torch.arange(n, device=generator.device) + 1) * tested // (2 * n)
        return self.draw(self.train_length + 1 + positions, self.test_length, generator)

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Draw the accuracy by length on strings of its own, and tell that on the lengths trained
        on.
        """
        generator = torch.Generator(test.inputs.device).manual_seed(_CURVE_SEED)
        grid = log_spaced(self.train_length, self.test_length)
        curve = tuple(self._accuracy(predict, self._all_of(length, generator)) for length in grid)
        trained = self._accuracy(predict, self.sample(_SEQUENCES_PER_LENGTH * 5, generator))
        drawing = LinePlot(
            title="Accuracy by length",
            x_label="length of the string",
            y_label="accuracy",
            x=tuple(grid),
            lines={"model": curve, "chance": (self.baseline,) * len(grid)},
            span=(1, self.train_length),
            span_label="lengths trained on",
        )
        return Diagnosis({"accuracy at the training lengths": trained}, (drawing,))

    def _all_of(self, length: int, generator: torch.Generator) -> Batch:
        lengths = torch.full((_SEQUENCES_PER_LENGTH,), length, device=generator.device)
        return self.draw(lengths, length, generator)

    @staticmethod
    def _accuracy(predict: Predict, batch: Batch) -> float:
        values, weights = string_accuracy(predict(batch.inputs, batch.lengths), batch)
        if weights is None:
            return float(values.double().mean())
        return float((values * weights).double().sum() / weights.double().sum())


def string_accuracy(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Whether each output symbol is right, weighted so that every string counts the same, however
    many it has.
    """
    values, weights = correct(outputs, batch)
    if weights is None:
        return values, None
    counted = counted_steps(outputs, batch)
    return values, counted / counted.sum(1, keepdim=True)


def log_spaced(trained: int, longest: int) -> list[int]:
    """Return lengths from 1 to ``longest``, evenly spread in the logarithm, the longest length
    trained on among them.
    """
    points = {round(longest ** (step / (_LENGTHS_DRAWN - 1))) for step in range(_LENGTHS_DRAWN)}
    return sorted(points | {trained})
