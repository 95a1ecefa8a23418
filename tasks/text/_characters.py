"""Texts as integers, character by character, in little memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnbench import DataError

from .._common.encodings import text_pieces

if TYPE_CHECKING:
    from ._ngrams import Symbols

UNKNOWN = 0
_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Lexicon:
    """Integers for characters or words: 0 for unknown ones, the others from 1 in order.

    Attributes:
        symbols: the known characters or words.
    """

    symbols: Sequence[str]

    def __len__(self) -> int:
        return len(self.symbols) + 1

    @cached_property
    def ids(self) -> dict[str, int]:
        """The integer of each known symbol."""
        return {symbol: number for number, symbol in enumerate(self.symbols, start=UNKNOWN + 1)}


def read_characters(content: bytes, source: str, train: float) -> tuple[Symbols, Lexicon]:
    """Return the characters of a text as integers (N,), with their lexicon.

    The lexicon has the first ``round(N * train)`` characters only, ordered by code point. The
    integers have the smallest dtype that holds them.

    Raises:
        DataError: the text is empty or not UTF-8.
    """
    lengths = [len(piece) for piece in text_pieces(content, source)]
    n = sum(lengths)
    if n == 0:
        raise DataError(f"{source} is empty; give a file with text.")
    known = _known(content, source, round(n * train))
    lexicon = Lexicon("".join(map(chr, np.flatnonzero(known))))
    table = np.zeros(_CODE_POINTS, dtype=smallest_type(len(lexicon)))
    table[known] = np.arange(1, len(lexicon))
    ids = np.empty(n, dtype=table.dtype)
    start = 0
    for piece, length in zip(text_pieces(content, source), lengths, strict=True):
        ids[start : start + length] = table[_code_points(piece)]
        start += length
    return ids, lexicon


def _known(content: bytes, source: str, count: int) -> npt.NDArray[np.bool_]:
    """Return whether each code point occurs in the first ``count`` characters."""
    known = np.zeros(_CODE_POINTS, dtype=bool)
    for piece in text_pieces(content, source):
        known[_code_points(piece[:count])] = True
        count -= len(piece)
        if count <= 0:
            break
    return known


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def smallest_type(symbols: int) -> npt.DTypeLike:
    """Return the smallest dtype for symbols 0 .. ``symbols - 1`` that torch and numpy share."""
    return next(
        kind for kind in (np.uint8, np.int16, np.int32) if symbols - 1 <= np.iinfo(kind).max
    )
