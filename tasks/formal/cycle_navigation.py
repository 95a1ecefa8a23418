"""Cycle navigation: where does a walk on a circle end?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._answer_by_length import AnswerByLength, running_total

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

POSITIONS = 5
"""On the circle of the source."""


@dataclass(frozen=True)
class CycleNavigation(AnswerByLength):
    """Cycle navigation: the end of a walk on a circle of five positions (Deletang et al. 2023).

    The symbols 0, 1 and 2 mean a step back, none, and a step forward, all equally likely; the walk
    starts at position 0. Regular: an automaton of five states follows it.

    Attributes:
        train_length: the longest string trained on; lengths are uniform from 1.
        test_length: the longest string tested on; the score is the mean over the lengths in
            between.
    """

    @property
    def symbols(self) -> int:
        """Back, stay, forward."""
        return 3

    @property
    def answers(self) -> int:
        """Five positions."""
        return POSITIONS

    def answer(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return the position after all steps."""
        return running_total(strings - 1, lengths) % POSITIONS

    def answer_distribution(self, length: int) -> list[float]:
        """Return the probability of each position: the walk diagonalised by the Fourier transform
        on the circle.
        """
        angles = [2 * math.pi * k / POSITIONS for k in range(POSITIONS)]
        decay = [((1 + 2 * math.cos(angle)) / 3) ** length for angle in angles]
        waves = [
            [kept * math.cos(angle * at) for kept, angle in zip(decay, angles, strict=True)]
            for at in range(POSITIONS)
        ]
        return [sum(wave) / POSITIONS for wave in waves]


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``cycle-navigation``."""
    register("cycle-navigation", CycleNavigation)
