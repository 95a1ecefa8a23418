"""Even pairs: is the number of pairs 01 and 10 in a binary string odd?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

import rnnbench

from .._common.pairs import marked_pairs
from ._classification import StringClassification
from ._published import EVEN_PAIRS

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Batch, RegisterTask


@dataclass(frozen=True)
class EvenPairs(StringClassification):
    """Even pairs: whether a binary string has an odd number of 01 and 10 (Deletang et al. 2023).

    Regular: the number of changes is even exactly if the last bit equals the first, so that only
    these two have to be compared. Bits are independent and fair. So is the class from two bits
    on; a single bit has no pair.

    Attributes:
        train_length: longest training string; lengths are uniform from 1.
        test_length: longest test string; the score is the mean over the lengths in between.
    """

    symbols = 2
    classes = 2
    published = EVEN_PAIRS

    def target(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return 1 (B,) where bit ``lengths`` (B,) of ``strings`` (B, T) differs from the first."""
        return strings.gather(1, lengths[:, None] - 1).squeeze(1) ^ strings[:, 0]

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return the first and the last bit, with the last step."""
        assert batch.lengths is not None
        steps = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        bits = (steps == 0) | (steps == batch.lengths[:, None] - 2)  # (B, T)
        return marked_pairs(bits, batch.lengths - 1)

    def class_distribution(self, length: int) -> tuple[float, float]:
        """Return 1/2 for even and for odd; a single bit is always even."""
        return (1.0, 0.0) if length == 1 else (0.5, 0.5)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``even-pairs``."""
    register("even-pairs", EvenPairs)
