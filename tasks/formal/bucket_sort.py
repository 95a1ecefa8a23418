"""Bucket sort: write a string's symbols in order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from pydantic import PositiveInt

import rnnbench

from ._string_by_length import StringByLength

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class BucketSort(StringByLength):
    """Bucket sort: write a string's symbols in increasing order after its end (Deletang et al.
    2023).

    Context-sensitive; counting the symbols is enough. A predictor that knows the place in the
    answer and the string's length, but not a symbol of the string, does far better than chance,
    since the counts hardly vary in long strings: it is among the reference scores.

    Attributes:
        train_length: the longest string trained on; lengths are uniform from 1.
        test_length: the longest string tested on; the score is the mean over the lengths in
            between.
        symbols: how many symbols strings are made of.
    """

    symbols: PositiveInt = 5

    @property
    def factor(self) -> int:
        """The answer is as long as the string."""
        return 1

    @cached_property
    def simple_scores(self) -> Mapping[str, float]:
        """The accuracy of the most likely symbol at each place, the string unseen."""
        return {
            "place alone": sum(map(self.place_alone, self.test_lengths)) / len(self.test_lengths)
        }

    @property
    def solved(self) -> float:
        """From 0.9 on, as in the source, and at least half of the way from what the place alone
        tells to all.
        """
        return max(super().solved, (1 + self.simple_scores["place alone"]) / 2)

    def place_alone(self, length: int) -> float:
        """Return the best accuracy on strings of a length when only the place in the answer is
        known, in closed form.

        The symbol at place i (from 0) is at most s exactly if more than i of the symbols are:
        binomial probabilities.
        """
        shares = (
            torch.arange(1, self.symbols, dtype=torch.float64)[:, None] / self.symbols
        )  # (S - 1, 1)
        counts = torch.arange(length + 1, dtype=torch.float64)
        ways = (
            math.lgamma(length + 1) - torch.lgamma(counts + 1) - torch.lgamma(length - counts + 1)
        )
        exactly = (
            ways + counts * shares.log() + (length - counts) * (1 - shares).log()
        ).exp()  # (S - 1, L + 1)
        at_most = (
            1 - exactly.cumsum(1)[:, :length]
        )  # the symbol at each place is at most s: (S - 1, L)
        bounds = torch.cat([torch.zeros(1, length), at_most, torch.ones(1, length)])
        return float(bounds.diff(dim=0).amax(0).mean())

    def written(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the strings sorted."""
        beyond = torch.arange(longest, device=strings.device) >= lengths[:, None]
        return strings.masked_fill(beyond, self.symbols).sort(1).values


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``bucket-sort``."""
    register("bucket-sort", BucketSort)
