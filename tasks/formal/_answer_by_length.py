"""Strings that are answered with one symbol, read after the string's end (Deletang et al. 2023)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from rnnbench import Batch, Preset, Tokens

from ._by_length import PAPER, STANDARD, ByLength, quick

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class AnswerByLength(ByLength):
    """A string, then one empty symbol, at which the answer is told; as in the source, the loss is
    on the answer alone.
    """

    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": quick(6000),
        "standard": STANDARD,
        "paper": PAPER,
    }

    @property
    @abstractmethod
    def symbols(self) -> int:
        """How many symbols strings are made of."""

    @property
    @abstractmethod
    def answers(self) -> int:
        """How many answers there are."""

    @abstractmethod
    def answer(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return the answers (B,) to the first ``lengths`` (B,) symbols of ``strings`` (B,
        longest).
        """

    @abstractmethod
    def answer_distribution(self, length: int) -> Sequence[float]:
        """Return the exact probability of each answer to a string of this length."""

    def strings(self, n: int, longest: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` strings (n, longest), of which any start is a string too: independent, uniform
        symbols.
        """
        return torch.randint(
            self.symbols, (n, longest), generator=generator, device=generator.device
        )

    @property
    def inputs(self) -> Tokens:
        """The symbols and the empty one."""
        return Tokens(self.symbols + 1)

    @property
    def outputs(self) -> Tokens:
        """The answers."""
        return Tokens(self.answers)

    @property
    def steps(self) -> Literal["last"]:
        """One answer, at the empty symbol after the string."""
        return "last"

    @property
    def length(self) -> int:
        """The longest string trained on, and the empty symbol."""
        return self.train_length + 1

    @cached_property
    def baseline(self) -> float:
        """Always the answer that is most frequent over the test's lengths."""
        by_length = [
            torch.tensor(self.answer_distribution(length), dtype=torch.float64)
            for length in self.test_lengths
        ]
        return float(torch.stack(by_length).mean(0).max())

    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> Batch:
        """Draw strings (B, longest + 1) of the given lengths with their answers (B,)."""
        strings = self.strings(len(lengths), longest + 1, generator)
        targets = self.answer(strings, lengths)
        steps = torch.arange(longest + 1, device=strings.device)
        inputs = strings.masked_fill_(steps >= lengths[:, None], self.symbols)
        return Batch(inputs, targets, lengths=lengths + 1)


def running_total(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the sum (B,) of the first ``lengths`` (B,) values (B, T)."""
    return values.cumsum(1).gather(1, lengths[:, None] - 1).squeeze(1)
