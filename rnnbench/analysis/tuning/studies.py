"""Tuning studies from records: the tries of each model on each task, and the best of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rnnbench.analysis.groups import latest
from rnnbench.records.result import Record, Result, Status, Validated
from rnnbench.records.space import Axis
from rnnbench.records.spec import ModelSpec, Pruner, Sampler, TaskSpec, Try


@dataclass(frozen=True, eq=False)
class Study:
    """The tries of one model on one task in one search space, in the order of their numbers."""

    tries: tuple[Record, ...]

    @property
    def study_id(self) -> str:
        """Identity of the study, :attr:`Try.study <rnnbench.records.spec.Try>`."""
        return self._first.study

    @property
    def task(self) -> TaskSpec:
        """The task."""
        return self.tries[0].spec.task

    @property
    def model(self) -> ModelSpec:
        """The model of the first try; its options that are tuned differ between tries."""
        return self.tries[0].spec.model

    @property
    def space(self) -> tuple[Axis, ...]:
        """The search space."""
        return self._first.space

    @property
    def sampler(self) -> Sampler:
        """How values were proposed."""
        return self._first.sampler

    @property
    def pruner(self) -> Pruner:
        """How tries were ended early."""
        return self._first.pruner

    @cached_property
    def asked(self) -> int:
        """The largest number of tries that a run asked for; some of them may be missing."""
        return max(try_of(record).asked for record in self.tries)

    @cached_property
    def validated(self) -> dict[int, Validated]:
        """What the tries validated that ended with a finite score, by number."""
        found = ((try_of(record).number, scored(record.result)) for record in self.tries)
        return {number: validated for number, validated in found if validated is not None}

    @cached_property
    def statuses(self) -> Counter[Status]:
        """How the tries ended."""
        return Counter(record.result.status for record in self.tries)

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """Which scores are better; ``higher`` where no try has a score."""
        return next((each.direction for each in self.validated.values()), "higher")

    @property
    def score_name(self) -> str:
        """The name of the task's score; ``score`` where no try has one."""
        return next((each.score_name for each in self.validated.values()), "score")

    @cached_property
    def best(self) -> Record | None:
        """The try with the best validation score; ``None`` where no try has a score."""
        number = best_number((try_of(record).number, record.result) for record in self.tries)
        return next((r for r in self.tries if try_of(r).number == number), None)

    @property
    def default_config_id(self) -> str:
        """``config_id`` of the reported trials with the default recipe."""
        return self._first.default_id

    @property
    def tuned_config_id(self) -> str | None:
        """``config_id`` of the reported trials with the chosen recipe; ``None`` without a best try.

        It equals :attr:`default_config_id` where the chosen values are the default ones.
        """
        return None if self.best is None else self.best.spec.recipe_id

    @property
    def _first(self) -> Try:
        return try_of(self.tries[0])


def studies(records: Iterable[Record]) -> list[Study]:
    """Return the studies among records, in the order of their first tries.

    Records of reported trials are ignored. The last attempt at a try counts; where two versions of
    rnnbench proposed different values for one number, the later record does.
    """
    tries = [record for record in records if record.spec.tuning is not None]
    found: dict[str, dict[int, Record]] = {}
    for record in latest(tries):
        here = try_of(record)
        found.setdefault(here.study, {})[here.number] = record
    return [Study(tuple(by_number[n] for n in sorted(by_number))) for by_number in found.values()]


def try_of(record: Record) -> Try:
    """Return the try that a record is of.

    Raises:
        ValueError: the record is of a reported trial.
    """
    if record.spec.tuning is None:
        raise ValueError(f"trial {record.trial_id} is no try of a tuning study")
    return record.spec.tuning


def scored(result: Result) -> Validated | None:
    """Return what a try validated, if it ended with a finite score; a pruned one did not."""
    found = result.validated
    if result.status is not Status.DONE or found is None or not math.isfinite(found.best_score):
        return None
    return found


def best_number(tries: Iterable[tuple[int, Result]]) -> int | None:
    """Return the number of the try with the best validation score; ``None`` where none has one.

    Of equal scores the one with the lower validation loss is chosen, then the earlier try.
    """
    found = [(number, kept) for number, result in tries if (kept := scored(result)) is not None]
    return min(found, key=lambda each: _rank(*each))[0] if found else None


def _rank(number: int, validated: Validated) -> tuple[float, float, int]:
    sign = -1 if validated.direction == "higher" else 1
    loss = validated.best_loss if math.isfinite(validated.best_loss) else math.inf
    return sign * validated.best_score, loss, number
