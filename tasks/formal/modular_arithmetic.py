"""Modular arithmetic: the value of an expression without brackets, modulo five."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

import rnnbench

from ._base import deletang_presets
from ._classification import StringClassification
from ._published import MODULAR_ARITHMETIC

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

MODULUS = 5
PLUS, MINUS, TIMES = MODULUS, MODULUS + 1, MODULUS + 2


@dataclass(frozen=True)
class ModularArithmetic(StringClassification):
    """Modular arithmetic: numbers joined by +, - and *, modulo five (Deletang et al. 2023).

    Numbers 0 to 4 and operators alternate, all independent and uniform; multiplication binds more
    tightly than addition. An expression ends with a number, so that an even length is made one
    shorter. This follows the paper's code; its appendix says one longer. Regular: an automaton
    keeps the sum so far and the current signed product.

    Attributes:
        train_length: longest training expression, numbers and operators counted; lengths are
            uniform from 1.
        test_length: longest test expression; the score is the mean over the lengths in between.
    """

    symbols = MODULUS + 3
    classes = MODULUS
    published = MODULAR_ARITHMETIC
    presets = deletang_presets(9000)

    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> rnnbench.Batch:
        """Draw expressions (B, longest + 1) and values (B,), even ``lengths`` (B,) made odd."""
        return super().draw(lengths - (lengths + 1) % 2, longest, generator)

    def strings(self, n: int, longest: int, generator: torch.Generator) -> Tensor:
        """Draw strings (n, longest) of alternating numbers and operators."""
        drawn = torch.randint(
            MODULUS * 3, (n, longest), generator=generator, device=generator.device
        )
        drawn[:, 0::2] %= MODULUS
        drawn[:, 1::2] = drawn[:, 1::2] % 3 + PLUS
        return drawn

    def target(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return the value (B,) of the first ``lengths`` (B,) symbols of ``strings`` (B, T)."""
        numbers = strings[:, 0::2]  # (B, N)
        operators = strings[:, 1::2][:, : (strings.shape[1] - 1) // 2]  # (B, N - 1)
        # whether each number is a further factor of a product
        is_factor = functional.pad(operators == TIMES, (1, 0))
        signs = 1 - 2 * functional.pad((operators == MINUS).long(), (1, 0))
        positions = torch.arange(numbers.shape[1], device=numbers.device)
        # the position of the first factor of each number's product
        first = torch.where(is_factor, 0, positions).cummax(1).values
        # A product modulo a prime is a sum of logarithms, unless a factor is zero. To the base 2,
        # and modulo 5, those of 1 to 4 are 0, 1, 3, 2: a Gray code.
        logarithms = _sum_from(first, (numbers - 1) ^ ((numbers - 1) >> 1)) % (MODULUS - 1)
        nonzero = _sum_from(first, (numbers == 0).long()) == 0
        products = (1 << logarithms) * nonzero * signs.gather(1, first)
        completed = products * ~functional.pad(is_factor[:, 1:], (0, 1))
        # the value of the expression that ends with each number
        values = completed.cumsum(1) - completed + products
        return values.gather(1, (lengths[:, None] - 1) // 2).squeeze(1) % MODULUS

    def class_distribution(self, length: int) -> list[float]:
        """Return the exact probability of each value.

        Numbers are symmetric about 0 modulo 5, so that signs do not matter.
        """
        found: list[float] = self._distributions[(length - 1) // 2].tolist()
        return found

    @cached_property
    def _distributions(self) -> Tensor:
        """The probability of each value by the number of operators: (N, 5).

        A Markov chain on pairs (sum so far, current product).
        """
        state = torch.zeros(MODULUS, MODULUS, dtype=torch.float64)
        state[0] = 1 / MODULUS
        residues = torch.arange(MODULUS)
        found = []
        for _ in range(self.test_length // 2 + 1):
            ended = _by_sum(state, residues)
            found.append(ended)
            opened = ended[:, None].expand(MODULUS, MODULUS) / MODULUS
            multiplied = torch.zeros_like(state)
            for number in range(MODULUS):
                multiplied.index_add_(1, residues * number % MODULUS, state / MODULUS)
            state = (2 * opened + multiplied) / 3
        return torch.stack(found)


def _sum_from(first: Tensor, values: Tensor) -> Tensor:
    """Return the sum of ``values`` (B, N) from ``first`` (B, N) to each position: (B, N)."""
    sums = values.cumsum(1)
    return sums - (sums - values).gather(1, first)


def _by_sum(state: Tensor, residues: Tensor) -> Tensor:
    """Return the probability of each sum (5,) from that of each (sum so far, product) (5, 5)."""
    sums = (residues[:, None] + residues) % MODULUS
    return torch.zeros(MODULUS, dtype=state.dtype).index_add_(0, sums.flatten(), state.flatten())


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``modular-arithmetic``."""
    register("modular-arithmetic", ModularArithmetic)
