"""Memorisation: facts that are the same in every sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field, PositiveInt

import rnnbench
from rnnbench import Batch, GeneratedTask, Preset, Tokens

from .._common.pairs import pairs_of
from ._mad import POLI, RECALL_ACCURACY, mad_presets

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

_MOST_FACTS = 2**20


@dataclass(frozen=True)
class Memorization(GeneratedTask):
    """Memorisation: the value of a key, the same in every sequence (Poli et al. 2024).

    A fixed dictionary has one value for each of ``facts`` keys. A sequence asks for ``queries`` of
    them, independent and uniform: the network reads the symbols of a key and then a blank, where
    the value is the target. It has to keep the facts in its parameters. The loss is on the blanks
    alone. With keys of two symbols::

        input:   a b blank   c a blank   ...
        target:      v1          v2

    A key is a string of ``key_length`` symbols, one as in the paper. With one symbol each fact can
    lie in the embedding. With several, they have to be combined, which is no linear function of
    them. Values are spread evenly over the keys.

    Attributes:
        facts: number of keys.
        values: number of values.
        key_length: symbols of a key.
        queries: keys in a sequence.
        dictionary_seed: seed of the dictionary.
    """

    facts: Annotated[int, Field(ge=2, le=_MOST_FACTS)] = 127
    values: Annotated[int, Field(ge=2)] = 128
    key_length: Annotated[int, Field(ge=1, le=8)] = 1
    queries: PositiveInt = 16
    dictionary_seed: int = 0

    steps = "every"
    metric = RECALL_ACCURACY
    perfect = 1.0
    solved = 0.99

    citations = (POLI,)
    presets: ClassVar[Mapping[str, Preset]] = mad_presets(
        {"facts": 2000, "values": 64, "key_length": 3, "queries": 8},
        {"steps": 1500, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        {"facts": 127, "values": 128, "key_length": 1, "queries": 16},
    )

    @cached_property
    def _symbols(self) -> int:
        """The fewest symbols that make enough keys."""
        symbols = max(2, int(self.facts ** (1 / self.key_length)) - 1)
        while symbols**self.key_length < self.facts:
            symbols += 1
        return symbols

    @property
    def inputs(self) -> Tokens:
        """The symbols of keys and the blank."""
        return Tokens(self._symbols + 1)

    @property
    def outputs(self) -> Tokens:
        """The values."""
        return Tokens(self.values)

    @property
    def length(self) -> int:
        """Steps of all queries."""
        return self.queries * (self.key_length + 1)

    @property
    def baseline(self) -> float:
        """The share of the most frequent value: the blank alone does not tell the key."""
        return math.ceil(self.facts / self.values) / self.facts

    @cached_property
    def _dictionary(self) -> tuple[Tensor, Tensor]:
        """The keys (facts, key_length) and their values (facts,)."""
        generator = torch.Generator().manual_seed(self.dictionary_seed)
        possible = self._symbols**self.key_length
        chosen = torch.randperm(possible, generator=generator)[: self.facts]
        places = self._symbols ** torch.arange(self.key_length)
        values = torch.randperm(self.values, generator=generator)
        values = values[torch.arange(self.facts) % self.values]
        return chosen[:, None] // places % self._symbols, values

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs, targets and mask (n, queries * (key_length + 1))."""
        device = generator.device
        keys, values = (part.to(device) for part in self._dictionary)
        size = (n, self.queries)
        asked = torch.randint(self.facts, size, generator=generator, device=device)
        blanks = torch.full((n, self.queries, 1), self._symbols, device=device)
        inputs = torch.cat([keys[asked], blanks], 2).flatten(1)
        mask = inputs == self._symbols
        targets = torch.zeros_like(inputs)
        targets[:, self.key_length :: self.key_length + 1] = values[asked]
        return Batch(inputs, targets, mask=mask)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return every symbol of a key, with the blank after it."""
        steps = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        span = self.key_length + 1
        written = (steps // span + 1) * span - 1
        return pairs_of(torch.where(batch.inputs < self._symbols, steps, -1), written)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``memorization``."""
    register("memorization", Memorization)
