"""What language models share: a stream of symbols cut in order, windows of it, and n-grams to be
held against.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from rnnbench import Batch, FiniteTask, Splits, Tokens
from rnnbench.errors import DataError

from .._common.chronological import Cut, check_parts
from . import _grammar
from ._characters import read_bytes
from ._ngrams import cross_entropies

if TYPE_CHECKING:
    from ._ngrams import Symbols


def bits(nats: float) -> float:
    """Return nats as bits."""
    return nats / math.log(2)


@dataclass(frozen=True)
class LanguageTask(FiniteTask):
    """Predict each symbol of a text from those before it.

    Attributes:
        path: the text, in UTF-8; without it one is generated.
        window: symbols between two optimizer steps.
        stateful: read the text in order, as many places at once as a batch has sequences, the state
            carried from window to window; otherwise every window starts fresh, in random order.
        train: share of the text, from its start, for training.
        validation: share that follows, for validation; the rest is the test.
        evaluated: most symbols of the validation and of the test part that are read.
        sentences: of the generated text.
        data_seed: chooses the generated text; the same for every seed of a comparison.
    """

    path: Path | None = None
    window: Annotated[int, Field(ge=2)] = 35
    stateful: bool = True
    train: Annotated[float, Field(gt=0, lt=1)] = 0.8
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    evaluated: PositiveInt = 100_000
    sentences: Annotated[int, Field(ge=100, le=1_000_000)] = 4000
    data_seed: NonNegativeInt = 0

    orders: ClassVar[Mapping[str, int]]
    """The n-gram models to be held against, by name; the first is the baseline."""

    def __post_init__(self) -> None:
        check_parts(self.train, self.validation)

    @property
    def source(self) -> str:
        """What a message calls the text: the file, or the generated text."""
        return "generated text" if self.path is None else str(self.path)

    def content(self) -> bytes:
        """Return the text in UTF-8, from the file or generated."""
        return (
            _grammar.generate(self.sentences, self.data_seed).encode()
            if self.path is None
            else read_bytes(self.path)
        )

    @property
    @abstractmethod
    def symbols(self) -> Symbols:
        """The whole text (N,), as numbers that the training part alone gave out."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return a prompt as numbers; raises :class:`rnnbench.errors.DataError` for what training
        did not have.
        """

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return numbers as text."""

    @property
    def silent(self) -> frozenset[int]:
        """Numbers that stand for no text and are never generated: the unknown symbol."""
        return frozenset({0})

    @property
    def outputs(self) -> Tokens:
        """The symbol that follows, of those that are read."""
        return self.inputs

    @property
    @abstractmethod
    def inputs(self) -> Tokens:
        """The symbols of the training part, and 0 for any other."""

    @property
    def steps(self) -> Literal["every"]:
        """A prediction after each symbol."""
        return "every"

    @property
    def length(self) -> int:
        """The window."""
        return self.window

    @property
    def causal_only(self) -> bool:
        """The next input is the target."""
        return True

    def splits(self) -> Splits:
        """Return the windows of each part in order: inputs (n, window), targets (n, window), one
        symbol further on.
        """
        return Splits(*(_windows(part, self.window) for part in self._parts))

    @property
    def baseline(self) -> float:
        """The score of the unigram model, which knows how frequent each symbol is and no more."""
        return next(iter(self._ngrams.values()))

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The scores of n-gram models counted in the training part."""
        return self._ngrams

    @cached_property
    def _ngrams(self) -> dict[str, float]:
        train, _, test = self._parts
        covered = test[
            : (len(test) - 1) // self.window * self.window + 1
        ]  # what the windows of the test predict
        nats = cross_entropies(train, covered, self.inputs.vocab, max(self.orders.values()))
        return {name: self.metric.finish(nats[order - 1]) for name, order in self.orders.items()}

    @cached_property
    def _parts(self) -> tuple[Symbols, Symbols, Symbols]:
        symbols = self.symbols
        cut = Cut.at(len(symbols), self.train, self.validation)
        shortest = min(cut.lengths(len(symbols)))
        if shortest <= self.window:
            raise DataError(
                f"{self.source} has {len(symbols)} symbols, of which a part gets {shortest}: too few for window={self.window}. "
                f"Give a longer text or a smaller window."
            )
        first, second = cut.first, cut.second
        train, validation, test = symbols[:first], symbols[first:second], symbols[second:]
        if (train == train[0]).all():
            raise DataError(
                f"{self.source}: the training part has but one symbol, again and again: nothing to predict."
            )
        most = max(self.evaluated, self.window + 1)
        return train, validation[:most], test[:most]


def _windows(part: Symbols, width: int) -> Batch:
    """Cut a part into windows without copying it: those of the targets lie one further on in the
    same memory.
    """
    stream = torch.from_numpy(part)
    n = (len(stream) - 1) // width * width
    return Batch(stream[:n].view(-1, width), stream[1 : n + 1].view(-1, width))
