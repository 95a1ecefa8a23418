"""A task with its verdicts, in fields of configurations that are compared with each other.

Models that see the past alone and models that look ahead are apart, and so are default recipes and
those that a tuning study chose.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

from rnnbench.analysis.baseline import shown_better
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.statistics.all_pairs import FEWEST_FOR_VERDICT
from rnnbench.analysis.verdicts import SMALLEST_EFFECT, Family, Trials, Verdict, margin_of


@dataclass(frozen=True, eq=False)
class Field:
    """Configurations that solve the same problem, judged as one family, best mean score first."""

    configurations: tuple[Configuration, ...]
    family: Family
    tuned: bool = False
    """Whether a tuning study chose every recipe."""
    ahead: bool = False
    """Whether they look ahead."""
    others: tuple[Family, ...] = ()
    """The family of the same models with the other recipes, which shares the error rate."""

    @property
    def best(self) -> Configuration:
        """The configuration with the best mean score."""
        return self.configurations[0]

    @property
    def all_solve(self) -> bool:
        """Whether every trial of every configuration solved the task, of enough trials."""
        return all(
            trials.all_solved and trials.count >= FEWEST_FOR_VERDICT
            for trials in self.family.members.values()
        )

    def verdict(self, a: Configuration, b: Configuration) -> Verdict:
        """Return the judgement on ``b`` against ``a``."""
        return self.family.verdict(a.label, b.label, self.others)

    def sooner(self, a: Configuration, b: Configuration) -> float | None:
        """Return the p-value of the times to solve of two configurations."""
        return self.family.sooner(a.label, b.label, self.others)

    def against_best(self) -> list[tuple[Configuration, Verdict]]:
        """Return the other configurations with their judgement against the best one."""
        return [(other, self.verdict(self.best, other)) for other in self.configurations[1:]]

    def pairs(self, most: int) -> list[tuple[Configuration, Configuration]]:
        """Return all pairs, or those with the best one where all are more than ``most``."""
        found = list(itertools.combinations(self.configurations, 2))
        return found if len(found) <= most else found[: len(self.configurations) - 1]


@dataclass(frozen=True, eq=False)
class JudgedTask:
    """A task, and the verdicts on its configurations."""

    task: TaskGroup
    smallest_effect: float = SMALLEST_EFFECT
    """The smallest effect of interest, as a share of the range from the baseline to perfection."""

    @cached_property
    def margin(self) -> float:
        """The smallest effect of interest, in units of the score."""
        return margin_of(self.task, self.smallest_effect)

    @cached_property
    def causal(self) -> Field | None:
        """The configurations whose output depends on past inputs alone."""
        return self._find(ahead=False, tuned=False)

    @cached_property
    def looking_ahead(self) -> Field | None:
        """The configurations that read the whole sequence first: an easier problem."""
        return self._find(ahead=True, tuned=False)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """All fields that have a configuration with a score, default recipes first."""
        return tuple(
            field
            for tuned in (False, True)
            for ahead in (False, True)
            if (field := self._field(ahead, tuned)) is not None
        )

    def _find(self, *, ahead: bool, tuned: bool) -> Field | None:
        return next((f for f in self.fields if (f.ahead, f.tuned) == (ahead, tuned)), None)

    @cached_property
    def above_baseline(self) -> set[str]:
        """The labels of the configurations that are shown to be better than the baseline."""
        learning = self.task.learning
        if learning is None:
            return set()
        members = {label: x for each in self.fields for label, x in each.family.members.items()}
        return shown_better(members, learning.baseline, self.task.sign)

    def _members(self, ahead: bool, tuned: bool) -> tuple[Configuration, ...]:
        recipes = ("tuned", "both") if tuned else ("untuned", "both")
        return tuple(
            c for c in self.task.scored if c.spec.model.causal is not ahead and c.recipe in recipes
        )

    @cached_property
    def _families(self) -> dict[tuple[bool, bool], Family]:
        """The families by (looks ahead, tuned); those of default and tuned share one error rate."""
        found: dict[tuple[bool, bool], Family] = {}
        for ahead in (False, True):
            both = {tuned: self._members(ahead, tuned) for tuned in (False, True)}
            sharing = max(1, sum(len(members) > 1 for members in both.values()))
            for tuned, members in both.items():
                if members:
                    trials = {c.label: Trials.of(c) for c in members}
                    found[ahead, tuned] = Family(trials, self.task.sign, self.margin, sharing)
        return found

    def _field(self, ahead: bool, tuned: bool) -> Field | None:
        family = self._families.get((ahead, tuned))
        if family is None:
            return None
        other = self._families.get((ahead, not tuned))
        return Field(
            self._members(ahead, tuned), family, tuned, ahead, () if other is None else (other,)
        )
