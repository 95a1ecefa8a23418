"""A text as numbers, word by word, in little memory however large it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.errors import DataError

from ._characters import UNKNOWN, text_pieces
from ._words import Numbers, tokenise

if TYPE_CHECKING:
    from ._ngrams import Symbols


@dataclass(frozen=True)
class Lexicon:
    """Integers for words: 0 for any that is unknown, the others from 1, the most frequent first."""

    words: Sequence[str]

    def __len__(self) -> int:
        return len(self.words) + 1

    @cached_property
    def ids(self) -> dict[str, int]:
        """The number of each word."""
        return {word: number for number, word in enumerate(self.words, start=UNKNOWN + 1)}


def read_words(content: bytes, source: str, train: float, vocab: int) -> tuple[Symbols, Lexicon]:
    """Return a text's words as numbers (N,) and their lexicon.

    The lexicon holds the ``vocab - 1`` most frequent of the first ``round(N * train)`` words (ties
    by alphabet).

    Raises:
        DataError: the text has no words or is not UTF-8.
    """
    numbers = Numbers()
    pieces = [
        np.fromiter(map(numbers.__getitem__, words), dtype=np.int32, count=len(words))
        for words in map(tokenise, _between_words(text_pieces(content, source)))
    ]
    order = np.concatenate(
        [*pieces, np.empty(0, dtype=np.int32)]
    )  # each word by when it first came
    if not len(order):
        raise DataError(f"{source} has no words; give a file with text.")
    counts = np.bincount(order[: round(len(order) * train)], minlength=len(numbers))
    words = list(numbers)
    known = np.flatnonzero(counts)
    frequent = sorted(known.tolist(), key=lambda number: (-counts[number], words[number]))[
        : vocab - 1
    ]
    table = np.zeros(len(words), dtype=np.int32)
    table[frequent] = np.arange(1, len(frequent) + 1)
    return table[order], Lexicon([words[number] for number in frequent])


def _between_words(pieces: Iterator[str]) -> Iterator[str]:
    """Cut a text at blanks and line ends alone, so that no word is cut in two."""
    rest = ""
    for piece in pieces:
        end = max(piece.rfind(" "), piece.rfind("\n"))
        if end >= 0:
            yield rest + piece[:end]
            rest = piece[end:]
        else:
            rest += piece
    yield rest
