"""String transduction: a string is followed by a target string (Deletang et al. 2023)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

from rnnbench import Batch, Tokens

from .._common.pairs import pairs_of
from ._base import LengthGeneralisation, deletang_presets

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class StringTransduction(LengthGeneralisation):
    """Base of tasks that predict a target string, one symbol at each empty symbol after the end.

    The symbols of the string are independent and uniform. As in the paper, the loss is on the
    symbols of the target alone.

    Attributes:
        symbols: size of the alphabet, without the empty symbol.
    """

    symbols: Annotated[int, Field(ge=2)] = 2

    ratio: ClassVar[int]
    """Length of the target divided by the length of the string."""

    presets = deletang_presets(3000, quick_hidden_size=128)
    steps = "every"

    @abstractmethod
    def target(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the target strings, right-padded with arbitrary symbols.

        Args:
            strings: (B, longest), of which the first ``lengths`` (B,) symbols count.
            lengths: (B,) int64.
            longest: number of columns of ``strings``.

        Returns:
            Target strings (B, ratio * longest), of which the first ``ratio * lengths`` symbols
            count.
        """

    def sources(self, written: Tensor, lengths: Tensor) -> Tensor | None:
        """Return which symbol each symbol of the target is a copy of; ``None`` if of no single one.

        Args:
            written: positions in the target (B, K).
            lengths: of the strings (B, 1).

        Returns:
            Positions in the string (B, K).
        """
        del written, lengths
        return None

    def relevant_lags(self, batch: Batch) -> Tensor | None:
        """Return (symbol of the string, its copy in the target), where there are copies."""
        assert batch.lengths is not None
        lengths = batch.lengths[:, None] // (1 + self.ratio)
        written = torch.arange(int(lengths.max()) * self.ratio, device=lengths.device)
        written = written.expand(len(lengths), -1)
        read = self.sources(written, lengths)
        if read is None:
            return None
        exists = written < lengths * self.ratio
        return pairs_of(torch.where(exists, read, -1), lengths + written)

    @property
    def inputs(self) -> Tokens:
        """The symbols, and last the empty one."""
        return Tokens(self.symbols + 1)

    @property
    def outputs(self) -> Tokens:
        """The symbols."""
        return Tokens(self.symbols)

    @property
    def length(self) -> int:
        """The longest training string and its target."""
        return self.train_length * (1 + self.ratio)

    @property
    def baseline(self) -> float:
        """Chance: all symbols are equally frequent in the targets."""
        return 1 / self.symbols

    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> Batch:
        """Draw strings of ``lengths`` (B,): inputs and targets (B, (1 + ratio) * longest)."""
        n = len(lengths)
        strings = torch.randint(
            self.symbols, (n, longest), generator=generator, device=generator.device
        )
        steps = torch.arange(longest * (1 + self.ratio), device=strings.device)
        ends = lengths[:, None]  # (B, 1)
        inputs = strings.new_full((n, len(steps)), self.symbols)
        inputs[:, :longest] = strings.masked_fill(steps[:longest] >= ends, self.symbols)
        mask = (steps >= ends) & (steps < ends * (1 + self.ratio))
        # the position in the target string at each time step
        positions = (steps - ends).clamp(0, longest * self.ratio - 1)
        targets = self.target(strings, lengths, longest).gather(1, positions)
        targets = targets.masked_fill(~mask, 0)
        return Batch(inputs, targets, lengths=lengths * (1 + self.ratio), mask=mask)
