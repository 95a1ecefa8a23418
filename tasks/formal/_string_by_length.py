"""Strings that are answered with a string, written after the string's end (Deletang et al. 2023)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import PositiveInt

from rnnbench import Batch, Preset, Tokens

from ._by_length import PAPER, STANDARD, ByLength, quick

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class StringByLength(ByLength):
    """A string, then as many empty symbols as the answer has; as in the source, the loss is on the
    answer's symbols alone.

    Symbols are independent and uniform over ``symbols``.

    Attributes:
        symbols: how many symbols strings are made of.
    """

    symbols: PositiveInt = 2

    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": quick(3000, hidden_size=128),
        "standard": STANDARD,
        "paper": PAPER,
    }

    @property
    @abstractmethod
    def factor(self) -> int:
        """How many times as long as the string its answer is."""

    @abstractmethod
    def written(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the answers (B, factor * longest) to the first ``lengths`` (B,) symbols of
        ``strings`` (B, longest).
        """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.symbols < 2:
            raise ValueError(f"symbols={self.symbols} must be at least 2")

    @property
    def inputs(self) -> Tokens:
        """The symbols and the empty one."""
        return Tokens(self.symbols + 1)

    @property
    def outputs(self) -> Tokens:
        """The symbols."""
        return Tokens(self.symbols)

    @property
    def steps(self) -> Literal["every"]:
        """Every step, of which those after the string count."""
        return "every"

    @property
    def length(self) -> int:
        """The longest string trained on, and its answer."""
        return self.train_length * (1 + self.factor)

    @property
    def baseline(self) -> float:
        """Chance: each symbol is as frequent as any other in the answers."""
        return 1 / self.symbols

    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> Batch:
        """Draw strings of the given lengths with their answers, both (B, (1 + factor) * longest)."""
        n = len(lengths)
        strings = torch.randint(
            self.symbols, (n, longest), generator=generator, device=generator.device
        )
        steps = torch.arange(longest * (1 + self.factor), device=strings.device)
        ends = lengths[:, None]  # (B, 1)
        inputs = strings.new_full((n, len(steps)), self.symbols)
        inputs[:, :longest] = strings.masked_fill(steps[:longest] >= ends, self.symbols)
        mask = (steps >= ends) & (steps < ends * (1 + self.factor))
        places = (steps - ends).clamp(0, longest * self.factor - 1)  # of the answer, at each step
        targets = self.written(strings, lengths, longest).gather(1, places).masked_fill(~mask, 0)
        return Batch(inputs, targets, lengths=lengths * (1 + self.factor), mask=mask)
