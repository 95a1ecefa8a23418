"""Fuzzy recall: keys and values are several symbols long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, GeneratedTask, Preset, Tokens

from ._mad import POLI, RECALL_ACCURACY, mad_presets, seen_before

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

_MOST_CODES = 2**16
"""Keys that a sequence can have values for, at most."""


@dataclass(frozen=True)
class FuzzyRecall(GeneratedTask):
    """Fuzzy in-context recall: keys and values of several symbols (Poli et al. 2024).

    A sequence consists of ``pairs`` keys, each followed by its value. A key has 1 to ``key_length``
    different key symbols, a value 1 to ``value_length`` different value symbols; their lengths,
    and then their symbols, are uniform. Each key has the same value throughout a sequence, drawn
    anew for each sequence. Where a key comes back, the symbols of its value are targets, each one
    step before it is read. The last key always comes back. The loss is on these steps alone. With
    keys of lower-case and values of upper-case letters::

        input:   a    B C   b a   C   a   B C   b a
        target:                       B C         C

    In the public code the loss in training is on every symbol, and the keys of the test have the
    largest length.

    Attributes:
        pairs: keys with their values in a sequence.
        key_symbols: number of symbols of keys, at least ``key_length``.
        value_symbols: number of symbols of values, at least ``value_length``.
        key_length: symbols of the longest key.
        value_length: symbols of the longest value.
    """

    pairs: Annotated[int, Field(ge=2)] = 32
    key_symbols: Annotated[int, Field(ge=2)] = 7
    value_symbols: Annotated[int, Field(ge=2)] = 8
    key_length: PositiveInt = 3
    value_length: PositiveInt = 3

    steps = "every"
    metric = RECALL_ACCURACY
    perfect = 1.0
    solved = 0.99
    causal_only = True  # the next input is the target

    citations = (POLI,)
    presets: ClassVar[Mapping[str, Preset]] = mad_presets(
        {"pairs": 4, "key_symbols": 2, "value_symbols": 8, "key_length": 2, "value_length": 2},
        {"steps": 5000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        {"pairs": 32, "key_symbols": 7, "value_symbols": 8, "key_length": 3, "value_length": 3},
    )

    def __post_init__(self) -> None:
        for kind, symbols, longest in (
            ("key", self.key_symbols, self.key_length),
            ("value", self.value_symbols, self.value_length),
        ):
            if longest > symbols:
                raise ValueError(
                    f"{kind}_length={longest} must be at most {kind}_symbols={symbols}: "
                    "the symbols differ"
                )
        if self._codes > _MOST_CODES:
            raise ValueError(
                f"key_symbols={self.key_symbols} and key_length={self.key_length} give too many "
                f"keys: (key_symbols + 1) ** key_length must be at most {_MOST_CODES}"
            )

    @property
    def _codes(self) -> int:
        return int((self.key_symbols + 1) ** self.key_length)

    @property
    def inputs(self) -> Tokens:
        """The symbols of keys, and then those of values."""
        return Tokens(self.key_symbols + self.value_symbols)

    @property
    def outputs(self) -> Tokens:
        """The symbols of values."""
        return Tokens(self.value_symbols)

    @property
    def length(self) -> int:
        """Steps of the longest sequence."""
        return self.pairs * (self.key_length + self.value_length) - 1

    @property
    def baseline(self) -> float:
        """The accuracy of the best predictor from the last symbol alone.

        The first symbol of a value is uniform. Each further one is uniform over the symbols that
        differ from the one before.
        """
        further = (self.value_length - 1) / 2  # expected number in a value
        if not further:
            return 1 / self.value_symbols
        first = 1 / self.value_symbols
        return (first + further / (self.value_symbols - 1)) / (1 + further)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs, targets and mask (n, T), with their lengths."""
        device, pairs = generator.device, self.pairs
        keys, key_sizes = _motifs(n * pairs, self.key_symbols, self.key_length, generator)
        keys, key_sizes = keys.view(n, pairs, -1), key_sizes.view(n, pairs)
        source = torch.randint(pairs - 1, (n,), generator=generator, device=device)
        row = torch.arange(n, device=device)
        keys[:, -1], key_sizes[:, -1] = keys[row, source], key_sizes[row, source]
        known, last = seen_before(self._coded(keys, key_sizes))
        # the value of every place; the first place of a key decides that of all later ones
        values, sizes = _motifs(n * pairs, self.value_symbols, self.value_length, generator)
        values, sizes = values.view(n, pairs, -1), sizes.view(n, pairs)
        first = torch.arange(pairs, device=device).expand(n, -1)
        for _ in range(pairs.bit_length()):  # follow the references, twice as far each time
            last = torch.where(known, last, first)
            last = last.gather(1, last)
        values = values[row[:, None], last] + self.key_symbols
        sizes = sizes.gather(1, last)
        # one place per possible symbol, then those that exist, in order
        symbols = torch.cat([keys, values], 2)  # (n, pairs, key_length + value_length)
        place = torch.arange(symbols.shape[2], device=device)
        of_key = place < key_sizes[..., None]
        of_value = (place >= self.key_length) & (place < self.key_length + sizes[..., None])
        exists = (of_key | of_value).flatten(1)
        order = (~exists).to(torch.uint8).sort(dim=1, stable=True).indices
        written = symbols.flatten(1).gather(1, order)
        asked = (of_value & known[..., None]).flatten(1).gather(1, order)
        lengths = exists.sum(1) - 1
        total = int(lengths.max())
        steps = torch.arange(total, device=device)
        valid = steps < lengths[:, None]
        inputs = torch.where(valid, written[:, :total], 0)
        mask = asked[:, 1 : total + 1] & valid
        targets = torch.where(mask, written[:, 1 : total + 1] - self.key_symbols, 0)
        return Batch(inputs, targets, lengths, mask)

    def _coded(self, keys: Tensor, sizes: Tensor) -> Tensor:
        """Return a number (n, P) for each key (n, P, key_length) of ``sizes`` (n, P) symbols."""
        place = torch.arange(self.key_length, device=keys.device)
        digits = torch.where(place < sizes[..., None], keys + 1, 0)
        return (digits * (self.key_symbols + 1) ** place).sum(-1)


def _motifs(
    n: int, symbols: int, longest: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw different symbols in random order (n, longest), and how many of them count (n,)."""
    scores = torch.rand(n, symbols, generator=generator, device=generator.device)
    sizes = torch.randint(1, longest + 1, (n,), generator=generator, device=generator.device)
    return scores.topk(longest).indices, sizes


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``fuzzy-recall``."""
    register("fuzzy-recall", FuzzyRecall)
