"""Cycle navigation: the final position of a walk on a cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._classification import StringClassification, prefix_sum
from ._published import CYCLE_NAVIGATION

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Batch, RegisterTask

POSITIONS = 5


@dataclass(frozen=True)
class CycleNavigation(StringClassification):
    """Cycle navigation: the final position of a walk on a cycle of five (Deletang et al. 2023).

    The symbols 0, 1 and 2 mean a step back, no step, and a step forward, all equally likely. The
    walk starts at position 0. Regular: an automaton of five states decides it.

    Attributes:
        train_length: longest training string; lengths are uniform from 1.
        test_length: longest test string; the score is the mean over the lengths in between.
    """

    symbols = 3
    classes = POSITIONS
    published = CYCLE_NAVIGATION

    def target(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return the position (B,) after the first ``lengths`` (B,) steps of ``strings`` (B, T)."""
        return prefix_sum(strings - 1, lengths) % POSITIONS

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return every step of the walk, with the last time step."""
        return self.every_symbol(batch)

    def class_distribution(self, length: int) -> list[float]:
        """Return the probability of each position.

        The transition matrix of the walk is circulant; the Fourier transform diagonalises it.
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
