"""Texts as integers word by word, in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rnnbench import DataError

from .._common.encodings import text_pieces
from ._characters import Lexicon
from ._words import Numbers, tokenise

if TYPE_CHECKING:
    from ._ngrams import Symbols


def read_words(content: bytes, source: str, train: float, vocab: int) -> tuple[Symbols, Lexicon]:
    """Return the words of a text as integers (N,), with their lexicon.

    The lexicon has the ``vocab - 1`` most frequent of the first ``round(N * train)`` words, ordered
    by frequency, then alphabetically.

    Raises:
        DataError: the text has no words or is not UTF-8.
    """
    numbers = Numbers()
    pieces = [
        np.fromiter(map(numbers.__getitem__, words), dtype=np.int32, count=len(words))
        for words in map(tokenise, _between_words(text_pieces(content, source)))
    ]
    # words numbered in order of first occurrence
    stream = np.concatenate([*pieces, np.empty(0, dtype=np.int32)])
    if not len(stream):
        raise DataError(f"{source} has no words; give a file with text.")
    counts = np.bincount(stream[: round(len(stream) * train)], minlength=len(numbers))
    words = list(numbers)
    known = np.flatnonzero(counts).tolist()
    by_frequency = sorted(known, key=lambda number: (-counts[number], words[number]))
    frequent = by_frequency[: vocab - 1]
    table = np.zeros(len(words), dtype=np.int32)
    table[frequent] = np.arange(1, len(frequent) + 1)
    return table[stream], Lexicon([words[number] for number in frequent])


def _between_words(pieces: Iterator[str]) -> Iterator[str]:
    """Split the pieces of a text at blanks and line ends only, so that no word is divided."""
    rest = ""
    for piece in pieces:
        end = max(piece.rfind(" "), piece.rfind("\n"))
        if end >= 0:
            yield rest + piece[:end]
            rest = piece[end:]
        else:
            rest += piece
    yield rest
