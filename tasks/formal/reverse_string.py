"""Reverse string: write a string backwards."""

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
class ReverseString(StringByLength):
    """Reverse string: write a binary string backwards after its end (Deletang et al. 2023).

    Deterministic context-free: a stack does it, and a memory of fixed size cannot do it at all
    lengths.

    Attributes:
        train_length: the longest string trained on; lengths are uniform from 1.
        test_length: the longest string tested on; the score is the mean over the lengths in
            between.
        symbols: how many symbols strings are made of.
    """

    @property
    def factor(self) -> int:
        """The answer is as long as the string."""
        return 1

    def written(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the strings backwards."""
        places = torch.arange(longest, device=strings.device)
        return strings.gather(1, (lengths[:, None] - 1 - places).clamp_min(0))


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``reverse-string``."""
    register("reverse-string", ReverseString)
