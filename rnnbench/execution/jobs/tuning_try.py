"""One try of a tuning study: train and validate; the test data are neither drawn nor read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from rnnbench.records.result import Validated

if TYPE_CHECKING:
    from rnnbench.contract.task import Task
    from rnnbench.training.loop import Learner


def validated(learner: Learner, task: Task) -> Validated:
    """Return what a training has validated so far, at least once."""
    best = next(point for point in learner.curve if point.step == learner.best_step)
    metric = task.metric
    return Validated(
        score_name=metric.name,
        direction=metric.direction,
        best_score=best.validation_score,
        best_loss=best.validation_loss,
        best_step=best.step,
        steps_taken=learner.steps_taken,
        train_seconds=learner.train_seconds,
        curve=tuple(learner.curve),
    )


class ReportValidations(pl.Callback):
    """Callback that reports after each validation what has been validated so far."""

    reads_no_log = True

    def __init__(self, task: Task, report: Callable[[Validated], None]) -> None:
        self._task = task
        self._report = report

    def on_validation_end(self, trainer: Any, learner: Any) -> None:
        """Report."""
        del trainer
        self._report(validated(learner, self._task))
