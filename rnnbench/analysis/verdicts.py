"""The rule by which reports and comparisons judge the configurations of one table.

The rule is fixed before the data. It depends on the other configurations of the table only through
their number and through the pooled scores.

1. Trials are independent: two configurations are not paired by seed. Pairing halves the degrees of
   freedom, and scores of two models hardly correlate over seeds (docs/statistics.md).
2. Where all scores pooled are all or none
   (:func:`rnnbench.analysis.statistics.solving.all_or_none`), solve rates are compared by
   Boschloo's test with Holm's correction over all pairs. Otherwise mean scores are compared by
   :class:`rnnbench.analysis.statistics.all_pairs.AllPairs`.
3. Two configurations that both solve the task in every trial are tied.
4. A difference whose interval lies inside the smallest effect of interest is an equivalence, also
   where it is shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.statistics.all_pairs import (
    FEWEST_FOR_VERDICT,
    PERMUTATIONS,
    AllPairs,
    Difference,
)
from rnnbench.analysis.statistics.intervals import FEWEST_FOR_INTERVAL, LEVEL
from rnnbench.analysis.statistics.solving import (
    all_or_none,
    boschloo_p,
    holm,
    log_rank_scores,
    seeds_for_rates,
)

Outcome: TypeAlias = Literal[
    "better",
    "worse",
    "equivalent",
    "undecided",
    "both solve it",
    "neither solves it",
    "identical",
    "too few seeds",
]
Analysis: TypeAlias = Literal["mean scores", "solve rates"]

SMALLEST_EFFECT = 0.01
"""Default smallest effect of interest, as a share of the range from the baseline to perfection."""


@dataclass(frozen=True)
class Trials:
    """The outcomes of one configuration's trials.

    Attributes:
        scores: finite test scores by seed.
        skills: skills of the same trials.
        solved: whether each of these trials solved the task.
        steps: step at which each trial solved it, ``None`` for those that did not; diverged trials
            are among the latter.
    """

    scores: Mapping[int, float]
    skills: tuple[float, ...]
    solved: tuple[bool, ...]
    steps: tuple[int | None, ...]

    @classmethod
    def of(cls, configuration: Configuration) -> Trials:
        """Return the outcomes of a configuration."""
        learned = configuration.learned.values()
        return cls(
            configuration.scores,
            tuple(learning.skill for learning in learned),
            tuple(learning.solved for learning in learned),
            (
                *(learning.steps_to_solve if learning.solved else None for learning in learned),
                *[None] * configuration.diverged,
            ),
        )

    @property
    def count(self) -> int:
        """Number of trials that solved the task or did not."""
        return len(self.steps)

    @property
    def solutions(self) -> int:
        """Number of trials that solved the task."""
        return sum(self.solved)

    @property
    def all_solved(self) -> bool:
        """Whether every trial solved the task."""
        return self.solutions == self.count > 0


@dataclass(frozen=True)
class Verdict:
    """The judgement on ``b`` against ``a``.

    Attributes:
        outcome: whether ``b`` is better or worse than ``a``, or why neither is said.
        analysis: the quantity that was compared.
        difference: of the mean scores, ``b - a`` in the score's own units; ``None`` with fewer than
            two scores on a side.
        p_value: of the analysis, corrected over all pairs of the table; ``None`` with too few
            seeds.
        margin: the smallest effect of interest, in the score's units.
        seeds: trials of the side that has fewer.
        seeds_needed: trials of each side with which the analysis decides with probability 0.8, if
            the differences and spreads observed are the true ones; ``None`` where there is no
            number, or a very large one.
        rates: trials that solved the task, of all, for ``a`` and for ``b``.
    """

    outcome: Outcome
    analysis: Analysis
    difference: Difference | None
    p_value: float | None
    margin: float
    seeds: int
    seeds_needed: int | None
    rates: tuple[str, str]


class Family:
    """Configurations of one table, judged together.

    Args:
        members: the outcomes of each configuration, by its label.
        sign: +1 where a higher score is better, else -1.
        margin: the smallest effect of interest, in the score's units.
        families: number of families whose errors are held together, e.g. the tasks on which one
            pair of models is compared.
        permutations: number of permutations to draw, where they are too many to enumerate.
        one_model: whether the members are one model from two stores. Equal scores are then
            identical results, and a difference counts also where both solve the task.
    """

    def __init__(
        self,
        members: Mapping[str, Trials],
        sign: int,
        margin: float = 0.0,
        families: int = 1,
        permutations: int = PERMUTATIONS,
        one_model: bool = False,
    ) -> None:
        self.members = dict(members)
        self.margin = margin
        self.sign = sign
        self._families = families
        self._permutations = permutations
        self._one_model = one_model
        self._scored = [
            label for label, each in members.items() if len(each.scores) >= FEWEST_FOR_INTERVAL
        ]
        self._timed = [label for label, each in members.items() if each.count >= 2]

    @property
    def all_equal(self) -> bool:
        """Whether all members have the same scores."""
        first, *rest = (each.scores for each in self.members.values())
        return all(scores == first for scores in rest)

    @cached_property
    def analysis(self) -> Analysis:
        """The quantity that this family is compared by."""
        skills = [skill for each in self.members.values() for skill in each.skills]
        solved = [done for each in self.members.values() for done in each.solved]
        return "solve rates" if all_or_none(skills, solved) else "mean scores"

    def verdict(self, a: str, b: str, others: Sequence[Family] = ()) -> Verdict:
        """Judge ``b`` against ``a``, two labels.

        Args:
            a: the configuration to compare with.
            b: the configuration to judge.
            others: the other families, where errors are held over several.
        """
        first, second = self.members[a], self.members[b]
        p_value = self.p_value(a, b, others)
        difference = (
            self._means.difference(*self._places(a, b), _means_of(others))
            if self._have_means(a, b)
            else None
        )
        outcome: Outcome
        solved = first.all_solved and second.all_solved
        if self._one_model and first.scores and first.scores == second.scores:
            outcome = "identical"
        elif p_value is not None and solved and not self._one_model:
            outcome = "both solve it"
        elif p_value is None:
            outcome = "too few seeds"
        elif self.analysis == "solve rates" and not first.solutions and not second.solutions:
            outcome = "neither solves it"
        elif self.analysis == "solve rates":
            outcome = _by_rates(first, second, p_value)
        else:
            assert difference is not None
            outcome = self._by_means(difference)
        return Verdict(
            outcome,
            self.analysis,
            difference,
            p_value,
            self.margin,
            min(first.count, second.count),
            self._seeds_needed(first, second, difference),
            (_rate(first), _rate(second)),
        )

    def p_value(self, a: str, b: str, others: Sequence[Family] = ()) -> float | None:
        """Return the p-value of the analysis, corrected over all pairs and families.

        ``None`` where either has fewer than four trials.
        """
        if min(self.members[label].count for label in (a, b)) < FEWEST_FOR_VERDICT:
            return None
        if self.analysis == "solve rates":
            return 1 - (1 - self._rate_p_values[frozenset((a, b))]) ** self._families
        if not self._have_means(a, b):
            return None
        return self._means.p_value(*self._places(a, b), _means_of(others))

    def sooner(self, a: str, b: str, others: Sequence[Family] = ()) -> float | None:
        """Return the p-value of the times to solve of two members, corrected over all pairs.

        The log-rank test is taken as a test of scores (Peto & Peto 1972) and corrected as mean
        scores are. ``None`` where either has fewer than four trials, or no trial solved the task.
        """
        if self._times is None or min(self.members[x].count for x in (a, b)) < FEWEST_FOR_VERDICT:
            return None
        further = [each._times for each in others if each._times is not None]
        return self._times.p_value(self._timed.index(a), self._timed.index(b), further)

    @cached_property
    def _means(self) -> AllPairs:
        return AllPairs(
            [list(self.members[label].scores.values()) for label in self._scored],
            self.margin,
            self._families,
            self._permutations,
        )

    @cached_property
    def _times(self) -> AllPairs | None:
        steps = [self.members[label].steps for label in self._timed]
        pooled = [step for each in steps for step in each]
        if len(steps) < 2 or not any(step is not None for step in pooled):
            return None
        scores = log_rank_scores(pooled)
        ends = np.cumsum([len(each) for each in steps])
        return AllPairs(np.split(scores, ends[:-1]), families=self._families)

    @cached_property
    def _rate_p_values(self) -> dict[frozenset[str], float]:
        pairs = list(itertools.combinations(self.members, 2))
        raw = []
        for a, b in pairs:
            first, second = self.members[a], self.members[b]
            raw.append(boschloo_p(first.solutions, first.count, second.solutions, second.count))
        return {frozenset(pair): p_value for pair, p_value in zip(pairs, holm(raw), strict=True)}

    def _have_means(self, a: str, b: str) -> bool:
        return a in self._scored and b in self._scored

    def _places(self, a: str, b: str) -> tuple[int, int]:
        return self._scored.index(a), self._scored.index(b)

    def _seeds_needed(self, a: Trials, b: Trials, difference: Difference | None) -> int | None:
        if self.analysis == "mean scores":
            return None if difference is None else difference.seeds_needed
        pairs = len(self._rate_p_values) * self._families
        return seeds_for_rates(a.solutions / a.count, b.solutions / b.count, pairs)

    def _by_means(self, difference: Difference) -> Outcome:
        if difference.within(self.margin):
            return "equivalent"
        if not difference.shown:
            return "undecided"
        return "better" if self.sign * difference.estimate.value > 0 else "worse"


def margin_of(task: TaskGroup, smallest_effect: float = SMALLEST_EFFECT) -> float:
    """Return the smallest effect of interest on a task, in units of its score."""
    learning = task.learning
    return 0.0 if learning is None else smallest_effect * abs(learning.perfect - learning.baseline)


def judge_jointly(families: Sequence[Family]) -> list[Verdict]:
    """Judge the second member of each family of two against the first, one error rate for all.

    The permutations of the families are independent. The largest statistic of all families
    therefore stays below ``t`` with the product of the probabilities of each.
    """
    different = [family for family in families if not family.all_equal]
    verdicts = []
    for family in families:
        a, b = family.members
        others = [other for other in different if other is not family]
        verdicts.append(family.verdict(a, b, others))
    return verdicts


def _means_of(families: Sequence[Family]) -> list[AllPairs]:
    return [family._means for family in families if len(family._scored) > 1]


def _rate(trials: Trials) -> str:
    return f"{trials.solutions} of {trials.count}"


def _by_rates(a: Trials, b: Trials, p_value: float) -> Outcome:
    if p_value > 1 - LEVEL:
        return "undecided"
    return "better" if b.solutions / b.count > a.solutions / a.count else "worse"
