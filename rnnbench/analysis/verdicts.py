"""The rule by which two configurations are told apart on a task: one place, so that report and
comparison agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rnnbench.analysis.formatting import counted, number
from rnnbench.analysis.stats import (
    FEWEST_FOR_VERDICT,
    LEVEL,
    Paired,
    compare_paired,
    holm,
    paired_differences,
)

Outcome: TypeAlias = Literal[
    "better", "worse", "no difference", "too few seeds", "nothing to compare"
]


@dataclass(frozen=True)
class Verdict:
    """What the seeds say about ``b`` beside ``a``.

    Attributes:
        outcome: whether ``b`` is better or worse than ``a``, or why that cannot be said.
        paired: difference ``b - a`` in the score's own units; ``None`` without a seed in common.
        p_adjusted: p-value after Holm's correction over the comparisons judged together.
        wins, losses, ties: seeds on which ``b`` scored better, worse, or the same.
    """

    outcome: Outcome
    paired: Paired | None
    p_adjusted: float | None
    wins: int
    losses: int
    ties: int

    @property
    def seeds(self) -> int:
        """Seeds that both have."""
        return self.wins + self.losses + self.ties

    def words(self, a: str, b: str) -> str:
        """Say the outcome in a sentence, with the power statement where no difference was shown."""
        if self.outcome == "nothing to compare":
            return f"{a} and {b} have no scored seed in common"
        if self.outcome == "too few seeds":
            return f"too few seeds to tell {b} from {a} ({counted(self.seeds, 'seed')} in common; three are the fewest)"
        if self.outcome in ("better", "worse"):
            return f"{b} is {self.outcome} than {a}"
        return f"no difference shown between {b} and {a}; {self.power_words()}"

    def power_words(self) -> str:
        """Say which difference this many seeds would have shown."""
        detectable = None if self.paired is None else self.paired.detectable
        if detectable is None:
            return f"{counted(self.seeds, 'seed')} could not have shown any"
        if detectable == 0:
            return "every seed gave the same difference"
        return (
            f"{counted(self.seeds, 'seed')} could have shown one of about {number(detectable, 2)}"
        )


def judge(a: Mapping[int, float], bs: Sequence[Mapping[int, float]], sign: int) -> list[Verdict]:
    """Judge each of ``bs`` against ``a`` (scores by seed); ``sign`` is +1 where higher is better,
    else -1.

    A difference counts as shown when its bootstrap interval excludes zero *and* the test's p-value,
    adjusted by Holm over all of ``bs``, is below 0.05. With two seeds in common or fewer nothing is
    ever shown.
    """
    differences = [paired_differences(a, b) for b in bs]
    testable = sum(len(difference) >= FEWEST_FOR_VERDICT for difference in differences)
    pairs = [
        compare_paired(difference, max(1, testable)) if len(difference) else None
        for difference in differences
    ]
    tested = [
        index for index, pair in enumerate(pairs) if pair is not None and pair.p_value is not None
    ]
    adjusted = dict(zip(tested, holm([pairs[index].p_value for index in tested]), strict=True))  # type: ignore[union-attr,misc]
    verdicts = []
    for index, (difference, pair) in enumerate(zip(differences, pairs, strict=True)):
        wins, losses = int((sign * difference > 0).sum()), int((sign * difference < 0).sum())
        p_value = adjusted.get(index)
        outcome = _outcome(pair, p_value, sign)
        verdicts.append(
            Verdict(outcome, pair, p_value, wins, losses, len(difference) - wins - losses)
        )
    return verdicts


def _outcome(pair: Paired | None, p_adjusted: float | None, sign: int) -> Outcome:
    if pair is None:
        return "nothing to compare"
    if p_adjusted is None:
        return "too few seeds"
    if p_adjusted <= 1 - LEVEL and pair.estimate.excludes_zero:
        return "better" if sign * pair.estimate.value > 0 else "worse"
    return "no difference"
