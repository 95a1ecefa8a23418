"""The optional part of the task contract for tasks whose symbols are text."""

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
