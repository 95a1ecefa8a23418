"""a^n b^n: predict the next symbol of strings with as many b as a."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._counting import CountingLanguage, counting_presets

if TYPE_CHECKING:
    from rnnbench import RegisterTask


@dataclass(frozen=True)
class AnBn(CountingLanguage):
    """a^n b^n: next-symbol prediction on strings of n a and n b (Gers and Schmidhuber 2001).

    Deterministic context-free: one counter, or a stack, decides it. n is geometric with parameter
    ``stop``, as in Lan et al. 2022. A sequence is the beginning of an endless series of strings,
    each after a separator #::

        input:   #  a  a  b  b  #  a  b  #
        target:  a  a  b  b  #  a  b  #  a

    The score is the cross-entropy in nats per symbol. Skill 1 is the exact entropy of this
    process, and skill 0 the exact cross-entropy of the best predictor from the last symbol alone.
    In the papers the network starts anew at each string.

    Attributes:
        length: T, number of symbols predicted per sequence.
        stop: probability that an a is the last one; 1 / ``stop`` is the mean of n.
    """

    letters = 2
    presets = counting_presets({"length": 200, "stop": 0.05}, 1500)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``anbn``."""
    register("anbn", AnBn)
