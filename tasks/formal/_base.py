"""Length generalisation: train on short strings, test on longer ones (Deletang et al. 2023)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

_CURVE_POINTS = 14
"""Points of the curve of accuracy by length, evenly spaced in the logarithm."""
_STRINGS_PER_POINT = 100
_CURVE_SEED = 0


def deletang_presets(quick_steps: int, *, quick_hidden_size: int = 64) -> Mapping[str, Preset]:
    """Return the presets; ``quick`` takes a minute or two on one CPU core."""
    options = {"train_length": 40, "test_length": 500}
    quick = {
        "steps": quick_steps,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "hidden_size": quick_hidden_size,
        "test_size": 460,
    }
    standard = {
        "steps": 20_000,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "hidden_size": 128,
        "test_size": 1840,
    }
    # Deletang et al. 2023, appendices A.2 and A.4: 256 units, a million steps of Adam in batches
    # of 128, training lengths up to 40 and test lengths up to 500. The paper reports the best of
    # the learning rates 1e-4, 3e-4 and 5e-4 and of ten seeds. Its public code
    # (google-deepmind/neural_networks_chomsky_hierarchy) clips the gradient norm at 1
    # (experiments/training.py) and has a ReLU between core and readout (models/rnn.py), which a
    # preset cannot express. It tests 512 strings of each length; this preset tests 10.
    paper = {
        "steps": 1_000_000,
        "batch_size": 128,
        "learning_rate": 5e-4,
        "clip_norm": 1.0,
        "hidden_size": 256,
        "test_size": 4600,
    }
    return {
        "quick": Preset(options, quick),
        "standard": Preset(options, standard),
        "paper": Preset(options, paper),
    }


def string_accuracy(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """Measure whether each output symbol is correct, with equal total weight per string.

    Args:
        outputs: logits, (B, V) for a task of steps ``"last"`` or (B, T, V) for ``"every"``.
        batch: the batch that was predicted.

    Returns:
        Values 0 or 1 of shape (B,) or (B, T), and weights (B, T) that sum to 1 per string, or
        ``None`` for steps ``"last"``.
    """
    values, weights = correct(outputs, batch)
    if weights is None:
        return values, None
    counted = counted_steps(outputs, batch)
    return values, counted / counted.sum(1, keepdim=True)


_ACCURACY = Metric("accuracy beyond the training lengths", "higher", string_accuracy)


@dataclass(frozen=True)
class LengthGeneralisation(GeneratedTask):
    """Base of tasks that are trained on short strings and tested on longer ones.

    Training and validation draw each string's length uniformly from 1 to ``train_length``. The
    test spreads its strings evenly over the lengths from ``train_length + 1`` to ``test_length``.

    The score is the one of the paper: the accuracy of a string's output symbols, averaged over
    strings and therefore over lengths.

    The paper draws one length per batch; here each string of a batch has its own length. The
    distribution of strings is the same. Where the target is a string, the loss differs: a long
    string weighs more than a short one of the same batch.

    Attributes:
        train_length: longest training string.
        test_length: longest test string.
    """

    train_length: PositiveInt = 40
    test_length: PositiveInt = 500

    metric = _ACCURACY
    perfect = 1.0

    citations = (DELETANG,)

    def __post_init__(self) -> None:
        if self.test_length <= self.train_length:
            raise ValueError(
                f"test_length={self.test_length} must be greater than "
                f"train_length={self.train_length}"
            )

    @abstractmethod
    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> Batch:
        """Draw one string for each of ``lengths`` (B,), padded as for a string of ``longest``."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Time steps T of the longest training string, with the steps of its target."""

    @property
    def solved(self) -> float:
        """The accuracy of 0.9 from which the paper counts a task as solved."""
        return 0.9

    @property
    def test_lengths(self) -> range:
        """The lengths that the score is averaged over."""
        return range(self.train_length + 1, self.test_length + 1)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` strings of the training lengths, on ``generator.device``."""
        lengths = torch.randint(
            1, self.train_length + 1, (n,), generator=generator, device=generator.device
        )
        return self.draw(lengths, self.train_length, generator)

    def sample_test(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` strings evenly spread over the test lengths, the shortest first."""
        count = len(self.test_lengths)
        # The middles of n equal intervals: each length occurs equally often if n is a multiple of
        # their number.
        positions = (2 * torch.arange(n, device=generator.device) + 1) * count // (2 * n)
        return self.draw(self.train_length + 1 + positions, self.test_length, generator)

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Plot the accuracy by length, and report the accuracy at the training lengths."""
        generator = torch.Generator(test.inputs.device).manual_seed(_CURVE_SEED)
        grid = log_spaced(self.train_length, self.test_length)
        curve = tuple(
            self._accuracy(predict, self._strings_of(length, generator)) for length in grid
        )
        trained = self._accuracy(predict, self.sample(5 * _STRINGS_PER_POINT, generator))
        plot = LinePlot(
            title="Accuracy by length",
            x_label="length of the string",
            y_label="accuracy",
            x=tuple(grid),
            lines={"model": curve, "chance": (self.baseline,) * len(grid)},
            span=(1, self.train_length),
            span_label="lengths trained on",
        )
        return Diagnosis({"accuracy at the training lengths": trained}, (plot,))

    def _strings_of(self, length: int, generator: torch.Generator) -> Batch:
        lengths = torch.full((_STRINGS_PER_POINT,), length, device=generator.device)
        return self.draw(lengths, length, generator)

    @staticmethod
    def _accuracy(predict: Predict, batch: Batch) -> float:
        values, weights = string_accuracy(predict(batch.inputs, batch.lengths), batch)
        if weights is None:
            return float(values.double().mean())
        return float((values * weights).double().sum() / weights.double().sum())


def log_spaced(trained: int, longest: int) -> list[int]:
    """Return lengths from 1 to ``longest``, evenly spaced in the logarithm, and ``trained``."""
    points = {round(longest ** (step / (_CURVE_POINTS - 1))) for step in range(_CURVE_POINTS)}
    return sorted(points | {trained})
