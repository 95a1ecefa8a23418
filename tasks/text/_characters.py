"""A text as numbers, character by character, in little memory however large it is."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnbench.errors import DataError, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ._ngrams import Symbols

UNKNOWN = 0
_CHUNK = 1 << 22
_CODE_POINTS = 0x110000


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raises :class:`DataError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or one_line(error)}.") from None


def text_pieces(content: bytes, source: str) -> Iterator[str]:
    """Yield a UTF-8 text a few megabytes at a time, without its byte order mark.

    Raises:
        DataError: it is not UTF-8; the line is named.
    """
    view = memoryview(content)
    start = len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0
    while start < len(view):
        end = _character_end(content, min(start + _CHUNK, len(view)))
        try:
            yield str(view[start:end], "utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, start + error.start) + 1
            raise DataError(
                f"{source}, line {line}: not UTF-8 text; convert it, e.g. iconv -f LATIN1 -t UTF-8."
            ) from None
        start = end


def _character_end(content: bytes, end: int) -> int:
    """Move ``end`` to the next byte that begins a character; no character of UTF-8 has more than
    three others.
    """
    for ahead in range(4):
        if end + ahead >= len(content) or content[end + ahead] & 0xC0 != 0x80:
            return end + ahead
    return end


@dataclass(frozen=True)
class Alphabet:
    """Integers for characters: 0 for any that is unknown, the others from 1 in the order of their
    code points.
    """

    characters: str

    def __len__(self) -> int:
        return len(self.characters) + 1

    @cached_property
    def ids(self) -> dict[str, int]:
        """The number of each character."""
        return {
            character: number for number, character in enumerate(self.characters, start=UNKNOWN + 1)
        }


def read_characters(content: bytes, source: str, train: float) -> tuple[Symbols, Alphabet]:
    """Return a text's characters as numbers (N,), in the smallest type that holds them, and their
    alphabet.

    The alphabet knows the first ``round(N * train)`` characters alone.

    Raises:
        DataError: the text is empty or not UTF-8.
    """
    lengths = [len(piece) for piece in text_pieces(content, source)]
    n = sum(lengths)
    if n == 0:
        raise DataError(f"{source} is empty; give a file with text.")
    known = _known(content, source, round(n * train))
    alphabet = Alphabet("".join(map(chr, np.flatnonzero(known))))
    table = np.zeros(_CODE_POINTS, dtype=smallest_type(len(alphabet)))
    table[known] = np.arange(1, len(alphabet))
    ids = np.empty(n, dtype=table.dtype)
    start = 0
    for piece, length in zip(text_pieces(content, source), lengths, strict=True):
        ids[start : start + length] = table[_code_points(piece)]
        start += length
    return ids, alphabet


def _known(content: bytes, source: str, count: int) -> npt.NDArray[np.bool_]:
    """Return which code points the first ``count`` characters have."""
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
    """Return an integer type for symbols 0 .. ``symbols - 1`` that torch can index with once
    widened.
    """
    return next(
        kind for kind in (np.uint8, np.int16, np.int32) if symbols - 1 <= np.iinfo(kind).max
    )
