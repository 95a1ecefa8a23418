"""Duplicate string: write a string twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

import rnnbench

from ._published import DUPLICATE_STRING
from ._transduction import StringTransduction

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class DuplicateString(StringTransduction):
    """Duplicate string: write a string twice after its end (Deletang et al. 2023).

    Context-sensitive: it takes a queue or a tape. A memory of fixed size cannot do it at all
    lengths.

    Attributes:
        train_length: longest training string; lengths are uniform from 1.
        test_length: longest test string; the score is the mean over the lengths in between.
        symbols: size of the alphabet.
    """

    ratio = 2
    published = DUPLICATE_STRING

    def target(self, strings: Tensor, lengths: Tensor, longest: int) -> Tensor:
        """Return the first ``lengths`` (B,) symbols of ``strings`` twice: (B, 2 * longest)."""
        positions = torch.arange(2 * longest, device=strings.device)
        return strings.gather(1, positions % lengths[:, None])

    def sources(self, written: Tensor, lengths: Tensor) -> Tensor:
        """Return the positions (B, K) modulo the length."""
        return written % lengths


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``duplicate-string``."""
    register("duplicate-string", DuplicateString)
