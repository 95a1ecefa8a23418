"""The rule by which reports and comparisons judge the difference of two configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

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
    """The judgement on ``b`` against ``a``.

    Attributes:
        outcome: whether ``b`` is better or worse than ``a``, or why neither was shown.
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


def judge(a: Mapping[int, float], bs: Sequence[Mapping[int, float]], sign: int) -> list[Verdict]:
    """Judge each of ``bs`` against ``a``, which are scores by seed.

    A difference counts as shown when its bootstrap interval excludes zero *and* the p-value of the
    test, adjusted by Holm over all of ``bs``, is at most 0.05. With fewer than three seeds in
    common no difference counts as shown.

    Args:
        a: scores by seed.
        bs: scores by seed of each configuration to judge.
        sign: +1 where a higher score is better, else -1.
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
