"""A task with its verdicts: models that see the past alone, and models that look ahead, apart."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

from rnnbench.analysis.all_pairs import FEWEST_FOR_VERDICT
from rnnbench.analysis.baseline import shown_better
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.verdicts import SMALLEST_EFFECT, Family, Trials, Verdict, margin_of


@dataclass(frozen=True, eq=False)
class Field:
    """Configurations that solve the same problem, judged as one family, best mean score first."""

    configurations: tuple[Configuration, ...]
    family: Family

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
        return self.family.verdict(a.label, b.label)

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
        return self._field([c for c in self.task.scored if c.spec.model.causal])

    @cached_property
    def looking_ahead(self) -> Field | None:
        """The configurations that read the whole sequence first: an easier problem."""
        return self._field([c for c in self.task.scored if not c.spec.model.causal])

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those of the two that have a configuration with a score."""
        return tuple(each for each in (self.causal, self.looking_ahead) if each is not None)

    @cached_property
    def above_baseline(self) -> set[str]:
        """The labels of the configurations that are shown to be better than the baseline."""
        learning = self.task.learning
        if learning is None:
            return set()
        members = {label: x for each in self.fields for label, x in each.family.members.items()}
        return shown_better(members, learning.baseline, self.task.sign)

    def _field(self, configurations: list[Configuration]) -> Field | None:
        if not configurations:
            return None
        members = {c.label: Trials.of(c) for c in configurations}
        return Field(tuple(configurations), Family(members, self.task.sign, self.margin))
