"""a^n b^n c^n: predict the next symbol of strings with as many b and c as a."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rnnbench

from ._counting import CountingLanguage, counting_presets

if TYPE_CHECKING:
    from rnnbench import RegisterTask


@dataclass(frozen=True)
class AnBnCn(CountingLanguage):
    """a^n b^n c^n: next-symbol prediction on n a, n b and n c (Gers and Schmidhuber 2001).

    Context-sensitive: two counters decide it, a stack does not. n is geometric with parameter
    ``stop``, as in Lan et al. 2022. A sequence is the beginning of an endless series of strings,
    each after a separator #::

        input:   #  a  a  b  b  c  c  #  a  b  c
        target:  a  a  b  b  c  c  #  a  b  c  #

    The score is the cross-entropy in nats per symbol. Skill 1 is the exact entropy of this
    process, and skill 0 the exact cross-entropy of the best predictor from the last symbol alone.
    In the papers the network starts anew at each string.

    Attributes:
        length: T, number of symbols predicted per sequence.
        stop: probability that an a is the last one; 1 / ``stop`` is the mean of n.
    """

    letters = 3
    presets = counting_presets({"length": 200, "stop": 0.07}, 1500)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``anbncn``."""
    register("anbncn", AnBnCn)
