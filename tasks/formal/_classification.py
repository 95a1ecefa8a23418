"""String classification: a string is followed by one prediction (Deletang et al. 2023)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch

from rnnbench import Batch, Tokens

from .._common.pairs import marked_pairs
from ._base import LengthGeneralisation, deletang_presets

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class StringClassification(LengthGeneralisation):
    """Base of tasks that predict the class of a string at one empty symbol after its end.

    As in the paper, the loss is on this prediction alone.
    """

    symbols: ClassVar[int]
    """Size of the alphabet, without the empty symbol."""
    classes: ClassVar[int]
    """Number of classes."""

    presets = deletang_presets(6000)
    steps = "last"

    @abstractmethod
    def target(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return the class (B,) of the first ``lengths`` (B,) symbols of ``strings`` (B, T)."""

    @abstractmethod
    def class_distribution(self, length: int) -> Sequence[float]:
        """Return the exact probability of each class for strings of ``length``."""

    def strings(self, n: int, longest: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` strings (n, longest) of independent, uniform symbols.

        An override must make every prefix of a string a valid string.
        """
        return torch.randint(
            self.symbols, (n, longest), generator=generator, device=generator.device
        )

    @property
    def inputs(self) -> Tokens:
        """The symbols, and last the empty one."""
        return Tokens(self.symbols + 1)

    @property
    def outputs(self) -> Tokens:
        """The classes."""
        return Tokens(self.classes)

    @property
    def length(self) -> int:
        """The longest training string and the empty symbol."""
        return self.train_length + 1

    @cached_property
    def baseline(self) -> float:
        """The frequency of the most frequent class over the test lengths."""
        by_length = [
            torch.tensor(self.class_distribution(length), dtype=torch.float64)
            for length in self.test_lengths
        ]
        return float(torch.stack(by_length).mean(0).max())

    def every_symbol(self, batch: Batch) -> Tensor:
        """Return the pairs (N, 3) of every symbol of the string and the last time step."""
        assert batch.lengths is not None
        return marked_pairs(batch.inputs < self.symbols, batch.lengths - 1)

    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> Batch:
        """Draw strings (B, longest + 1) of ``lengths`` (B,), with their classes (B,)."""
        strings = self.strings(len(lengths), longest + 1, generator)
        targets = self.target(strings, lengths)
        steps = torch.arange(longest + 1, device=strings.device)
        inputs = strings.masked_fill_(steps >= lengths[:, None], self.symbols)
        return Batch(inputs, targets, lengths=lengths + 1)


def prefix_sum(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the sum (B,) of the first ``lengths`` (B,) values of each row of ``values`` (B, T)."""
    return values.cumsum(1).gather(1, lengths[:, None] - 1).squeeze(1)
