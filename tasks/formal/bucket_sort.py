"""Bucket sort: write a string's symbols in increasing order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

import rnnbench

from ._published import BUCKET_SORT
from ._transduction import StringTransduction

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class BucketSort(StringTransduction):
    """Bucket sort: write a string's symbols in order after its end (Deletang et al. 2023).

    Context-sensitive; a counter per symbol suffices. The counts vary little in long strings.
    Therefore a predictor that knows the position in the target and the string's length, but no
    symbol of the string, scores far above chance; it is one of the simple scores.

    Attributes:
        train_length: longest training string; lengths are uniform from 1.
        test_length: longest test string; the score is the mean over the lengths in between.
        symbols: size of the alphabet.
    """

    symbols: Annotated[int, Field(ge=2)] = 5

    ratio = 1
    published = BUCKET_SORT

    def target(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the first ``lengths`` (B,) symbols of ``strings`` sorted: (B, longest)."""
        beyond = torch.arange(longest, device=strings.device) >= lengths[:, None]
        return strings.masked_fill(beyond, self.symbols).sort(1).values

    @property
    def solved(self) -> float:
        """The paper's 0.9, or half of the way from "place alone" to 1 where that is higher."""
        return max(super().solved, (1 + self.simple_scores["place alone"]) / 2)

    @cached_property
    def simple_scores(self) -> Mapping[str, float]:
        """The accuracy of the most likely symbol at each position, without reading the string."""
        return {
            "place alone": sum(map(self.place_alone, self.test_lengths)) / len(self.test_lengths)
        }

    def place_alone(self, length: int) -> float:
        """Return the best accuracy on strings of ``length`` given the position alone.

        In closed form: the symbol at position i (from 0) of the sorted string is at most s exactly
        if more than i symbols of the string are, whose number is binomial.
        """
        shares = torch.arange(1, self.symbols, dtype=torch.float64)[:, None] / self.symbols
        counts = torch.arange(length + 1, dtype=torch.float64)
        log_choices = (
            math.lgamma(length + 1) - torch.lgamma(counts + 1) - torch.lgamma(length - counts + 1)
        )
        log_binomial = log_choices + counts * shares.log() + (length - counts) * (1 - shares).log()
        binomial = log_binomial.exp()  # (S - 1, L + 1)
        # probability that the symbol at each position is at most s
        at_most = 1 - binomial.cumsum(1)[:, :length]  # (S - 1, L)
        bounds = torch.cat([torch.zeros(1, length), at_most, torch.ones(1, length)])
        return float(bounds.diff(dim=0).amax(0).mean())


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``bucket-sort``."""
    register("bucket-sort", BucketSort)
