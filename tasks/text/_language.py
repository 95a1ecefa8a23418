"""Base of language models: streams of symbols, windows of them, and n-gram models to compare."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from rnnbench import Batch, DataError, Diagnosis, FiniteTask, Splits, Tokens

from .._common.chronological import Cut, check_parts
from .._common.encodings import AUTO, check_encoding
from .._common.files import read_utf8
from .._common.substitutes import too_many_substitutes
from . import _grammar
from ._characters import UNKNOWN, Lexicon
from ._ngrams import cross_entropies

if TYPE_CHECKING:
    from rnnbench import Predict

    from ._ngrams import Symbols

_DEPENDENT_SYMBOLS = 2000
"""Symbols over which the errors of a model are taken to be correlated.

On the characters of Shakespeare, the errors of a 4-gram model in windows of 35 correlate by 0.11
at one window's distance, 0.06 at five and 0.02 at twenty.
"""
_SYMBOLS_SHOWN = 20
"""Symbols listed in an error message."""


def bits(nats: float) -> float:
    """Convert nats to bits."""
    return nats / math.log(2)


@dataclass(frozen=True)
class LanguageTask(FiniteTask):
    """Base of tasks that predict each symbol of a text from the symbols before it.

    Attributes:
        path: the text, which may be gzipped; by default a text is generated.
        encoding: of the text; auto: UTF-8, or UTF-16 with a byte order mark.
        window: symbols per window, that is, between two optimizer steps.
        stateful: read the training text in order, in as many streams as a batch has sequences, with
            the state carried from window to window; ``false``: independent windows in random order.
        train: share of the text for training, from its start.
        validation: share that follows, for validation; the rest is the test.
        max_eval_symbols: most symbols used of the validation and of the test part.
        sentences: sentences of the generated text.
        data_seed: seed of the generated text; independent of the seed of a trial.
    """

    path: Path | None = None
    encoding: Annotated[str, Field(min_length=1)] = AUTO
    window: Annotated[int, Field(ge=2)] = 35
    stateful: bool = True
    train: Annotated[float, Field(gt=0, lt=1)] = 0.8
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    max_eval_symbols: PositiveInt = 100_000
    sentences: Annotated[int, Field(ge=100, le=1_000_000)] = 4000
    data_seed: NonNegativeInt = 0

    unit: ClassVar[str]
    """Name of a symbol in error messages, e.g. ``"word"``."""
    orders: ClassVar[Mapping[str, int]]
    """Orders of the n-gram models by name; the first is the baseline."""

    steps = "every"
    causal_only = True  # the next input is the target
    special_tokens = frozenset({UNKNOWN})

    def __post_init__(self) -> None:
        check_parts(self.train, self.validation)
        if self.path is None and self.encoding != AUTO:
            raise ValueError("encoding= is an option of a file; give path= too.")
        check_encoding(self.encoding)

    @abstractmethod
    def read(self, content: bytes, source: str) -> tuple[Symbols, Lexicon]:
        """Return the symbols (N,) of a UTF-8 text, and the lexicon of its training part.

        Raises:
            DataError: the text is empty or not UTF-8; ``source`` names it in the message.
        """

    @abstractmethod
    def split(self, text: str) -> Sequence[str]:
        """Split a text into symbols."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return integers as text."""

    @property
    def source(self) -> str:
        """Name of the text in error messages."""
        return "generated text" if self.path is None else str(self.path)

    @property
    def symbols(self) -> Symbols:
        """The whole text as integers (N,)."""
        return self._text[0]

    @property
    def lexicon(self) -> Lexicon:
        """The symbols of the training part."""
        return self._text[1]

    @property
    def inputs(self) -> Tokens:
        """The symbols of the lexicon, and 0 for unknown ones."""
        return Tokens(len(self.lexicon))

    @property
    def outputs(self) -> Tokens:
        """The next symbol."""
        return self.inputs

    @property
    def length(self) -> int:
        """Symbols per window."""
        return self.window

    @property
    def test_block(self) -> int:
        """Windows of about 2,000 neighbouring symbols, which share their subject and style."""
        return -(-_DEPENDENT_SYMBOLS // self.window)

    @property
    def baseline(self) -> float:
        """The score of the unigram model, which knows the frequencies of symbols only."""
        return next(iter(self._ngrams.values()))

    @property
    def solved(self) -> float:
        """The score of the best n-gram model, or ``perfect`` where that is worse."""
        return max(min(self._ngrams.values()), self.perfect)

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The scores of n-gram models counted in the training part."""
        return self._ngrams

    @cached_property
    def unknown_share(self) -> float:
        """Share of the test targets that are unknown symbols."""
        return float((self._scored_test[1:] == UNKNOWN).mean())

    @property
    def unsolvable(self) -> str | None:
        """The reason, where many test targets are unknown symbols."""
        return too_many_substitutes(
            self.unknown_share, f"{self.unit}s of the test part are unknown"
        )

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Return the share of unknown symbols among the test targets, if not 0."""
        del predict, test
        share = self.unknown_share
        return Diagnosis(
            {f"unknown {self.unit}s, share of the test targets": share} if share else {}
        )

    def encode(self, text: str) -> list[int]:
        """Return the symbols of a prompt as integers.

        Raises:
            DataError: the prompt has symbols that are not in the training text.
        """
        ids = self.lexicon.ids
        symbols = self.split(text)
        unknown = sorted(set(symbols) - ids.keys())
        if unknown:
            shown = " ".join(map(repr, unknown[:_SYMBOLS_SHOWN]))
            more = len(unknown) - _SYMBOLS_SHOWN
            rest = f" and {more} more" if more > 0 else ""
            raise DataError(
                f"the prompt has {self.unit}s that are not among the {len(ids)} {self.unit}s of "
                f"the training text: {shown}{rest}."
            )
        return [ids[symbol] for symbol in symbols]

    def splits(self) -> Splits:
        """Return the windows of each part in order: inputs and targets (n, window)."""
        return Splits(*(_windows(part, self.window) for part in self._parts))

    @cached_property
    def _text(self) -> tuple[Symbols, Lexicon]:
        if self.path is None:
            content = _grammar.generate(self.sentences, self.data_seed).encode()
        else:
            content = read_utf8(self.path, self.encoding)
        return self.read(content, self.source)

    @cached_property
    def _ngrams(self) -> dict[str, float]:
        train = self._parts[0]
        nats = cross_entropies(
            train, self._scored_test, self.inputs.vocab, max(self.orders.values())
        )
        return {name: self.metric.finish(nats[order - 1]) for name, order in self.orders.items()}

    @property
    def _scored_test(self) -> Symbols:
        """The symbols in windows of the test part (n * window + 1,); the first is no target."""
        test = self._parts[2]
        return test[: (len(test) - 1) // self.window * self.window + 1]

    @cached_property
    def _parts(self) -> tuple[Symbols, Symbols, Symbols]:
        symbols = self.symbols
        cut = Cut.at(len(symbols), self.train, self.validation)
        shortest = min(cut.lengths(len(symbols)))
        if shortest <= self.window:
            raise DataError(
                f"{self.source} has {len(symbols)} {self.unit}s, of which a part gets {shortest}: "
                f"too few for window={self.window}. Give a longer text or a smaller window."
            )
        first, second = cut.first, cut.second
        train, validation, test = symbols[:first], symbols[first:second], symbols[second:]
        if (train == train[0]).all():
            raise DataError(
                f"{self.source}: the training part repeats a single {self.unit}, so that there is "
                f"nothing to predict; give another text."
            )
        most = max(self.max_eval_symbols, self.window + 1)
        return train, validation[:most], test[:most]


def _windows(part: Symbols, width: int) -> Batch:
    """Cut a part (N,) into windows (n, width) that share its memory."""
    stream = torch.from_numpy(part)
    n = (len(stream) - 1) // width * width
    return Batch(stream[:n].view(-1, width), stream[1 : n + 1].view(-1, width))
