"""Texts as integers: splitting into words, characters or bytes, vocabulary, padding."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ._characters import smallest_type

PADDING = 0
UNKNOWN = 1
_SPECIAL = 2
_COUNTED_AT_ONCE = 1 << 20
_TOKEN = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


def tokenise(text: str) -> list[str]:
    """Split lower-cased ``text`` into words and single other characters, e.g. punctuation.

    A word may have inner apostrophes: ``don't`` is one.
    """
    return _TOKEN.findall(text.lower())


def _bytes(text: str) -> list[str]:
    return list(text.encode().decode("latin-1"))  # a character for each byte


Level: TypeAlias = Literal["word", "character", "byte"]

CUT: Mapping[Level, Callable[[str], list[str]]] = {
    "word": tokenise,
    "character": list,
    "byte": _bytes,
}
"""The function that splits a text at each level; characters and bytes of UTF-8 keep their case."""


class Numbers(dict[str, int]):
    """A dictionary that assigns the next number to each new word."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


@dataclass(frozen=True)
class CutTexts:
    """N texts split into words, in little memory: four bytes per word and each distinct word once.

    Attributes:
        words: the distinct words, by number.
        numbers: the numbers of the words of all texts, concatenated.
        lengths: the number of words of each text (N,).
    """

    words: Sequence[str]
    numbers: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> CutTexts:
        """Number the words of texts, an iterable that may split each text lazily."""
        known, numbers, lengths = Numbers(), array("i"), array("q")
        for text in texts:
            numbers.extend(map(known.__getitem__, text))
            lengths.append(len(text))
        return cls(list(known), np.frombuffer(numbers, np.int32), np.frombuffer(lengths, np.int64))


@dataclass(frozen=True)
class Vocabulary:
    """Integers for words: 0 is padding, 1 any unknown word, others are known words by frequency."""

    ids: dict[str, int]

    @classmethod
    def of(cls, texts: CutTexts, size: int, min_count: int) -> Vocabulary:
        """Return the vocabulary of the words that occur at least ``min_count`` times.

        It has at most ``size`` entries, padding and unknown word included; words of equal frequency
        are in alphabetical order.
        """
        counts = np.zeros(len(texts.words), np.int64)
        # in chunks, since numpy widens the numbers to eight bytes each
        for start in range(0, len(texts.numbers), _COUNTED_AT_ONCE):
            counts += np.bincount(
                texts.numbers[start : start + _COUNTED_AT_ONCE], minlength=len(counts)
            )
        by_word = zip(texts.words, counts.tolist(), strict=True)
        frequent = sorted((-count, word) for word, count in by_word if count >= min_count)
        known = enumerate(frequent[: size - _SPECIAL], start=_SPECIAL)
        return cls({word: index for index, (_, word) in known})

    def __len__(self) -> int:
        return len(self.ids) + _SPECIAL

    def encode(self, texts: CutTexts, max_length: int) -> tuple[Tensor, Tensor]:
        """Return integers (N, T), right-padded to the longest text, and lengths (N,) int64.

        The integers have the smallest dtype that holds them. Of a longer text the first
        ``max_length`` words are kept; a text without words is one unknown word.
        """
        of_number = np.array(
            [self.ids.get(word, UNKNOWN) for word in texts.words], smallest_type(len(self))
        )
        kept = np.minimum(texts.lengths, max_length)
        numbers = texts.numbers
        if len(numbers) > kept.sum():
            kept_and_cut = np.column_stack([kept, texts.lengths - kept]).ravel()
            numbers = numbers[np.repeat(np.tile([True, False], len(kept)), kept_and_cut)]
        lengths = np.maximum(kept, 1)
        place_in_row = np.arange(lengths.max())
        padded = np.full((len(lengths), len(place_in_row)), PADDING, of_number.dtype)  # (N, T)
        padded[kept == 0, 0] = UNKNOWN
        padded[place_in_row < kept[:, None]] = of_number[numbers]
        return torch.from_numpy(padded), torch.from_numpy(lengths)
