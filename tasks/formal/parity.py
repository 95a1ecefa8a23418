"""Parity: is the number of ones in a string odd?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._answer_by_length import AnswerByLength, running_total

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class Parity(AnswerByLength):
    """Parity: whether a binary string holds an odd number of ones (Deletang et al. 2023).

    Regular: an automaton of two states decides it. Bits are independent and fair, and so is the
    answer, whatever the length.

    Attributes:
        train_length: the longest string trained on; lengths are uniform from 1.
        test_length: the longest string tested on; the score is the mean over the lengths in
            between.
    """

    @property
    def symbols(self) -> int:
        """Zero and one."""
        return 2

    @property
    def answers(self) -> int:
        """Even and odd."""
        return 2

    def answer(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return 1 where the number of ones is odd."""
        return running_total(strings, lengths) % 2

    def answer_distribution(self, length: int) -> tuple[float, float]:
        """Both alike, from the first bit on."""
        del length
        return 0.5, 0.5


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``parity``."""
    register("parity", Parity)
