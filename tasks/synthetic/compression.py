"""Compression: a whole sequence from the last output alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, Bits, Diagnosis, GeneratedTask, LinePlot, Metric, Preset, Tokens

from .._common.pairs import marked_pairs
from ._mad import POLI, mad_presets

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask


@dataclass(frozen=True)
class Compression(GeneratedTask):
    """Compression: reconstruct a sequence from one output (Poli et al. 2024).

    A network reads ``symbols`` independent, uniform symbols of ``bits`` bits each, and then a
    marker. From its output at the marker a linear decoder predicts all bits of all symbols. The
    score is the share of symbols with all bits correct.

    In the paper a perceptron, which is given the position, decodes each symbol; here the decoder is
    that of all tasks, one linear map. A symbol has one logit per bit instead of one per symbol.

    Attributes:
        symbols: number of symbols to compress.
        bits: bits of a symbol; there are 2 ** ``bits`` symbols.
    """

    symbols: PositiveInt = 31
    bits: Annotated[int, Field(ge=1, le=10)] = 4

    steps = "last"
    perfect = 1.0
    solved = 0.99

    citations = (POLI,)
    presets: ClassVar[Mapping[str, Preset]] = mad_presets(
        {"symbols": 20, "bits": 2},
        {"steps": 2000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        {"symbols": 31, "bits": 4},
    )

    @property
    def inputs(self) -> Tokens:
        """The symbols and the marker."""
        return Tokens(2**self.bits + 1)

    @property
    def outputs(self) -> Bits:
        """The bits of all symbols, the lowest of each first."""
        return Bits(self.symbols * self.bits)

    @property
    def length(self) -> int:
        """The symbols and the marker."""
        return self.symbols + 1

    @property
    def metric(self) -> Metric:
        """The share of symbols whose bits are all correct."""
        return Metric("symbol accuracy", "higher", self._symbol_accuracy)

    @property
    def baseline(self) -> float:
        """Chance."""
        return 0.5**self.bits

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs (n, symbols + 1), targets (n, symbols * bits)."""
        size = (n, self.symbols)
        drawn = torch.randint(2**self.bits, size, generator=generator, device=generator.device)
        marker = drawn.new_full((n, 1), 2**self.bits)
        places = torch.arange(self.bits, device=drawn.device)
        bits = (drawn[..., None] >> places) & 1
        return Batch(torch.cat([drawn, marker], 1), bits.flatten(1).float())

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return every symbol, with the last step."""
        last = torch.full_like(batch.inputs[:, 0], self.symbols)
        return marked_pairs(batch.inputs < 2**self.bits, last)

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Plot the accuracy by position of the symbol."""
        right = self._right(predict(test.inputs, test.lengths), test)
        plot = LinePlot(
            title="Symbols by position",
            x_label="position of the symbol",
            y_label="accuracy",
            x=tuple(range(1, self.symbols + 1)),
            lines={
                "model": tuple(right.double().mean(0).tolist()),
                "chance": (self.baseline,) * self.symbols,
            },
        )
        return Diagnosis(plots=(plot,))

    def _symbol_accuracy(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, None]:
        return self._right(outputs, batch).to(outputs.dtype).mean(1), None

    def _right(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return whether all bits of each symbol are correct: (B, symbols) bool."""
        right = (outputs > 0) == (batch.targets > 0)
        return right.view(len(batch), self.symbols, self.bits).all(2)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``compression``."""
    register("compression", Compression)
