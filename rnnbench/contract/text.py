"""The optional part of the task contract for tasks whose data can be written as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class TextTask(Protocol):
    """A task whose symbols can be encoded from text and decoded to text.

    ``rnnbench generate`` works for trials of such a task. A task does not need to derive from this
    class; it only needs the three members.
    """

    @property
    def special_tokens(self) -> frozenset[int]:
        """Symbols that stand for no text, e.g. the unknown one; they are never generated."""

    def encode(self, text: str) -> list[int]:
        """Return a text as symbols.

        Raises:
            rnnbench.DataError: the text has symbols that are not in the vocabulary.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """Return symbols as text."""


@runtime_checkable
class SetsTask(Protocol):
    """A task whose inputs and outputs are :class:`rnnbench.Bits`, one set at each step.

    ``rnnbench generate`` works for trials of such a task too. A set is given as the indices of its
    bits.
    """

    def encode_sets(self, text: str) -> list[list[int]]:
        """Return the sets of a text.

        Raises:
            rnnbench.DataError: the text has elements that no bit stands for.
        """

    def decode_sets(self, sets: Sequence[Sequence[int]]) -> str:
        """Return sets as text."""
