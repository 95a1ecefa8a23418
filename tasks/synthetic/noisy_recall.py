"""Noisy recall: the value that followed a key before, among symbols that mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from pydantic import Field

import rnnbench
from rnnbench import Batch, GeneratedTask, Preset, Tokens

from .._common.pairs import pairs_of
from ._mad import POLI, RECALL_ACCURACY, mad_presets, seen_before

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class NoisyRecall(GeneratedTask):
    """Noisy in-context recall: the value of a key that was read before (Poli et al. 2024).

    A sequence consists of slots of two steps. With probability ``noise`` a slot has two noise
    symbols, otherwise a key and its value. Keys are independent and uniform; each key has the same
    value throughout a sequence, uniform and drawn anew for each sequence. Where a key comes back,
    its value is the target at the step that reads the key; it is read at the next step. The key of
    the last slot always comes back. The loss is on these steps alone::

        input:   k1 v1   n3 n1   k2 v2   k1 v1   n2 n2   k2
        target:                          v1              v2

    In the public code the loss in training is on every symbol.

    Attributes:
        length: steps of the slots, even; the value of the last slot is not read.
        keys: number of keys.
        values: number of values.
        noise: probability that a slot has noise.
        noise_symbols: number of noise symbols.
    """

    length: Annotated[int, Field(ge=4)] = 128
    keys: Annotated[int, Field(ge=2)] = 8
    values: Annotated[int, Field(ge=2)] = 8
    noise: Annotated[float, Field(ge=0, lt=1)] = 0.2
    noise_symbols: Annotated[int, Field(ge=1)] = 16

    steps = "every"
    metric = RECALL_ACCURACY
    perfect = 1.0
    solved = 0.99
    causal_only = True  # the next input is the target

    citations = (POLI,)
    presets: ClassVar[Mapping[str, Preset]] = mad_presets(
        {"length": 32, "keys": 4, "values": 8, "noise": 0.2, "noise_symbols": 8},
        {"steps": 3000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        {"length": 128, "keys": 8, "values": 8, "noise": 0.2, "noise_symbols": 16},
    )

    def __post_init__(self) -> None:
        if self.length % 2:
            raise ValueError(f"length={self.length} must be even: a slot has two steps")

    @property
    def inputs(self) -> Tokens:
        """Keys, values and noise, in this order."""
        return Tokens(self.keys + self.values + self.noise_symbols)

    @property
    def outputs(self) -> Tokens:
        """The values."""
        return Tokens(self.values)

    @property
    def baseline(self) -> float:
        """Chance: the key alone does not determine its value."""
        return 1 / self.values

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` sequences: inputs, targets and mask (n, length - 1)."""
        device, slots = generator.device, self.length // 2
        # the last slot repeats the key of an earlier one, the source, which has no noise
        source = torch.randint(slots - 1, (n, 1), generator=generator, device=device)
        noisy = torch.rand(n, slots, generator=generator, device=device) < self.noise
        noisy.scatter_(1, source, False)
        noisy[:, -1] = False
        keys = torch.randint(self.keys, (n, slots), generator=generator, device=device)
        keys[:, -1:] = keys.gather(1, source)
        size = (n, self.keys)
        values = torch.randint(self.values, size, generator=generator, device=device)
        values = values.gather(1, keys)
        drawn = torch.randint(self.noise_symbols, (n, slots, 2), generator=generator, device=device)
        drawn += self.keys + self.values
        pairs = torch.stack([keys, self.keys + values], 2)
        inputs = torch.where(noisy[..., None], drawn, pairs).flatten(1)[:, :-1]
        known, _ = seen_before(keys.masked_fill(noisy, -1))
        targets, mask = torch.zeros_like(inputs), torch.zeros_like(inputs, dtype=torch.bool)
        targets[:, 0::2] = values * known
        mask[:, 0::2] = known
        return Batch(inputs, targets, mask=mask)

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return (key, query) and (value, query), of the place where the key occurred last."""
        keys = batch.inputs[:, 0::2]
        known, last = seen_before(keys.masked_fill(keys >= self.keys, -1))
        read = torch.where(known, 2 * last, -2)
        written = 2 * torch.arange(keys.shape[1], device=keys.device)
        return torch.cat([pairs_of(read, written), pairs_of(read + 1, written)])


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``noisy-recall``."""
    register("noisy-recall", NoisyRecall)
