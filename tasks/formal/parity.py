"""Parity: is the number of ones in a binary string odd?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._classification import StringClassification, prefix_sum
from ._published import PARITY

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Batch, RegisterTask


@dataclass(frozen=True)
class Parity(StringClassification):
    """Parity: whether a binary string has an odd number of ones (Deletang et al. 2023).

    Regular: an automaton of two states decides it. Bits are independent and fair, and so is the
    parity at every length.

    Attributes:
        train_length: longest training string; lengths are uniform from 1.
        test_length: longest test string; the score is the mean over the lengths in between.
    """

    symbols = 2
    classes = 2
    published = PARITY
    # Short strings, so that networks without a nonlinear recurrence are given every chance: those
    # whose transitions have no negative eigenvalue stay at chance.
    presets = {  # noqa: RUF012 - an import of ClassVar would run stored trials again
        **StringClassification.presets,
        "quick": rnnbench.Preset(
            {"train_length": 20, "test_length": 100},
            {
                "steps": 3000,
                "batch_size": 32,
                "learning_rate": 3e-3,
                "hidden_size": 64,
                "test_size": 480,
            },
        ),
    }

    def target(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return 1 (B,) where the first ``lengths`` (B,) bits of ``strings`` (B, T) sum to odd."""
        return prefix_sum(strings, lengths) % 2

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return every bit, with the last step."""
        return self.every_symbol(batch)

    def class_distribution(self, length: int) -> tuple[float, float]:
        """Return 1/2 for even and for odd."""
        del length
        return 0.5, 0.5


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``parity``."""
    register("parity", Parity)
