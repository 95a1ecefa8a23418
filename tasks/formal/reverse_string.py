"""Reverse string: write a string backwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

import rnnbench

from ._published import REVERSE_STRING
from ._transduction import StringTransduction

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class ReverseString(StringTransduction):
    """Reverse string: write a string backwards after its end (Deletang et al. 2023).

    Deterministic context-free: it takes a stack. A memory of fixed size cannot do it at all
    lengths.

    Attributes:
        train_length: longest training string; lengths are uniform from 1.
        test_length: longest test string; the score is the mean over the lengths in between.
        symbols: size of the alphabet.
    """

    ratio = 1
    published = REVERSE_STRING

    def target(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the first ``lengths`` (B,) symbols of ``strings`` backwards: (B, longest)."""
        positions = torch.arange(longest, device=strings.device)
        return strings.gather(1, (lengths[:, None] - 1 - positions).clamp_min(0))

    def sources(self, written: Tensor, lengths: Tensor) -> Tensor:
        """Return the positions (B, K) counted from the end."""
        return lengths - 1 - written


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``reverse-string``."""
    register("reverse-string", ReverseString)
