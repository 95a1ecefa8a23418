"""Even pairs: is the number of changes in a binary string even?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._answer_by_length import AnswerByLength

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask


@dataclass(frozen=True)
class EvenPairs(AnswerByLength):
    """Even pairs: whether a binary string holds an odd number of pairs 01 and 10 (Deletang et al.
    2023).

    Regular: the number of changes is even exactly if the last bit equals the first, which is all
    that has to be kept. Bits are independent and fair, and so is the answer, but for a single bit,
    in which nothing changes.

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
        """Return 1 where the last bit differs from the first."""
        return strings.gather(1, lengths[:, None] - 1).squeeze(1) ^ strings[:, 0]

    def answer_distribution(self, length: int) -> tuple[float, float]:
        """Both alike from two bits on."""
        return (1.0, 0.0) if length == 1 else (0.5, 0.5)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``even-pairs``."""
    register("even-pairs", EvenPairs)
