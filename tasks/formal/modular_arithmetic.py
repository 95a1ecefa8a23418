"""Modular arithmetic: the value of an expression without brackets, modulo five."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

import rnnbench
from rnnbench import Preset

from ._answer_by_length import AnswerByLength
from ._by_length import PAPER, STANDARD, quick

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

MODULUS = 5
PLUS, MINUS, TIMES = MODULUS, MODULUS + 1, MODULUS + 2


@dataclass(frozen=True)
class ModularArithmetic(AnswerByLength):
    """Modular arithmetic: the value of numbers joined by +, - and *, modulo five (Deletang et al.
    2023).

    Numbers 0 to 4 and operators alternate, all independent and uniform; multiplication binds more
    tightly. An expression of even length is one shorter, since it ends on a number: so does the
    source's code, while its appendix says one longer. Regular: an automaton keeps the sum so far,
    and the signed product that is being formed.

    Attributes:
        train_length: the longest expression trained on, numbers and operators counted; lengths are
            uniform from 1.
        test_length: the longest expression tested on; the score is the mean over the lengths in
            between.
    """

    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": quick(9000),
        "standard": STANDARD,
        "paper": PAPER,
    }

    @property
    def symbols(self) -> int:
        """Five numbers and three operators."""
        return MODULUS + 3

    @property
    def answers(self) -> int:
        """Five numbers."""
        return MODULUS

    def draw(self, lengths: Tensor, longest: int, generator: torch.Generator) -> rnnbench.Batch:
        """Draw expressions (B, longest + 1) with their values (B,), even lengths made odd."""
        return super().draw(lengths - (lengths + 1) % 2, longest, generator)

    def strings(self, n: int, longest: int, generator: torch.Generator) -> Tensor:
        """Draw numbers and operators in turn."""
        drawn = torch.randint(
            MODULUS * 3, (n, longest), generator=generator, device=generator.device
        )
        drawn[:, 0::2] %= MODULUS
        drawn[:, 1::2] = drawn[:, 1::2] % 3 + PLUS
        return drawn

    def answer(self, strings: Tensor, lengths: Tensor) -> Tensor:
        """Return the value of each expression."""
        numbers, operators = (
            strings[:, 0::2],
            strings[:, 1::2][:, : (strings.shape[1] - 1) // 2],
        )  # (B, N), (B, N - 1)
        goes_on = functional.pad(
            operators == TIMES, (1, 0)
        )  # the number is a further factor of a term
        signs = 1 - 2 * functional.pad((operators == MINUS).long(), (1, 0))
        places = torch.arange(numbers.shape[1], device=numbers.device)
        first = torch.where(goes_on, 0, places).cummax(1).values  # of each number's term
        # A product modulo a prime is a sum of logarithms, unless a factor is zero. To the base 2,
        # and modulo 5, those of 1 to 4 are 0, 1, 3, 2: a Gray code.
        logarithms = _since(first, (numbers - 1) ^ ((numbers - 1) >> 1)) % (MODULUS - 1)
        nonzero = _since(first, (numbers == 0).long()) == 0
        products = (1 << logarithms) * nonzero * signs.gather(1, first)
        completed = products * ~functional.pad(goes_on[:, 1:], (0, 1))
        values = (
            completed.cumsum(1) - completed + products
        )  # of the expression that ends with each number
        return values.gather(1, (lengths[:, None] - 1) // 2).squeeze(1) % MODULUS

    def answer_distribution(self, length: int) -> list[float]:
        """Return the probability of each value, exact: numbers are symmetric about 0, so signs do
        not matter.
        """
        found: list[float] = self._distributions[(length - 1) // 2].tolist()
        return found

    @cached_property
    def _distributions(self) -> Tensor:
        """The probability of each value (N, 5) by the number of operators: a Markov chain on (sum
        so far, product).
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


def _since(first: Tensor, values: Tensor) -> Tensor:
    """Return the sums (B, N) of ``values`` (B, N) from the places ``first`` (B, N) on, up to each
    place.
    """
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
