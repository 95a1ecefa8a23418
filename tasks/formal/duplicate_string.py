"""Duplicate string: write a string twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

import rnnbench

from ._string_by_length import StringByLength

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class DuplicateString(StringByLength):
    """Duplicate string: write a binary string twice after its end (Deletang et al. 2023).

    Context-sensitive: it takes a queue, or a tape, and a memory of fixed size cannot do it at all
    lengths.

    Attributes:
        train_length: the longest string trained on; lengths are uniform from 1.
        test_length: the longest string tested on; the score is the mean over the lengths in
            between.
        symbols: how many symbols strings are made of.
    """

    @property
    def factor(self) -> int:
        """The answer is twice as long as the string."""
        return 2

    def written(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the strings twice in a row."""
        places = torch.arange(2 * longest, device=strings.device)
        return strings.gather(1, places % lengths[:, None])


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``duplicate-string``."""
    register("duplicate-string", DuplicateString)
