"""Measures of learning: scores, solutions, divergence, overfitting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from rnnbench.claims.measures.measure import Measure, replaced, with_part
from rnnbench.records.result import Record, Status


class LearningMeasure(Measure):
    """A number of a trial that trained to the end, or diverged."""

    field: ClassVar[str]
    """Its field in :class:`rnnbench.records.result.Learning`."""
    of_diverged: ClassVar[float | None] = None
    """Its value for a trial whose loss became infinite or NaN; ``None``: it has none."""

    def read(self, record: Record) -> float | None:
        """Return the number; that of a diverged trial is :attr:`of_diverged`."""
        if record.result.status is Status.DIVERGED:
            return self.of_diverged
        learning = record.result.learning
        value = None if learning is None else getattr(learning, self.field)
        return None if value is None else float(value)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this number."""
        return with_part(record, "learning", **{self.field: value})


class Skill(LearningMeasure):
    """Test skill: 0 is the task's baseline, 1 is perfect; a diverged trial has 0."""

    name = "skill"
    field = "skill"
    of_diverged = 0.0
    resolution = 0.01


@dataclass(frozen=True)
class Score(LearningMeasure):
    """Test score in the task's unit.

    Attributes:
        resolution: standard deviation over trials below which none is believed.
    """

    resolution: float = 0.0  # type: ignore[misc]
    name = "test score"
    field = "score"


class Solved(LearningMeasure):
    """1 for a trial that solved the task, else 0."""

    name = "solved (1) or not (0)"
    binary = True
    field = "solved"
    of_diverged = 0.0
    resolution = 0.2

    def write(self, record: Record, value: float) -> Record:
        """Return the record with 1 for a value from 0.5 on."""
        return with_part(record, "learning", solved=value >= 0.5)


class ClippedShare(LearningMeasure):
    """Share of the optimizer steps whose gradient was clipped."""

    name = "share of clipped steps"
    field = "clipped_share"


class OverfitGap(LearningMeasure):
    """Validation loss minus training loss at the last validation: how far a model overfits."""

    name = "validation loss minus training loss"
    field = "curve"

    def read(self, record: Record) -> float | None:
        """Return the gap; ``None`` without a curve."""
        learning = record.result.learning
        if learning is None or not learning.curve:
            return None
        last = learning.curve[-1]
        return last.validation_loss - last.train_loss

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this gap, at its training loss."""
        assert record.result.learning is not None
        *before, last = record.result.learning.curve
        changed = last.model_copy(update={"validation_loss": last.train_loss + value})
        return with_part(record, "learning", curve=(*before, changed))


@dataclass(frozen=True)
class Diverged(Measure):
    """1 for a trial whose loss became infinite or NaN, 0 for one that trained to the end.

    Attributes:
        below: a trial that trained to the end has diverged as well if the skill of its last weights
            is below this. A bounded state keeps the loss finite however large the weights are; -1
            is an error twice that of the task's baseline, where the score is an error and a perfect
            one is 0.
    """

    below: float = -math.inf
    name = "diverged (1) or not (0)"
    binary = True
    resolution = 0.2

    def read(self, record: Record) -> float | None:
        """Return 0 or 1; ``None`` for a trial that failed otherwise."""
        if record.result.status is Status.DIVERGED:
            return 1.0
        if record.result.status is not Status.DONE:
            return None
        learning = record.result.learning
        if learning is None or math.isinf(self.below):
            return 0.0
        skill = (learning.last_score - learning.baseline) / (learning.perfect - learning.baseline)
        return float(not skill >= self.below)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this end, diverged for a value from 0.5 on."""
        status = Status.DIVERGED if value >= 0.5 else Status.DONE
        return replaced(record, status=status)


class Steps(LearningMeasure):
    """First validated step at which the task was solved; that of all steps where it never was."""

    name = "steps to solve"
    field = "steps_to_solve"

    def read(self, record: Record) -> float | None:
        """Return the step; the number of steps for a trial that solved nothing."""
        if record.result.status not in (Status.DONE, Status.DIVERGED):
            return None
        found = super().read(record)
        return float(record.spec.settings.steps) if found is None else found

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this step, at most the number of steps."""
        steps = record.spec.settings.steps
        return with_part(record, "learning", steps_to_solve=round(value) if value < steps else None)
