"""The learning rate by step: warm-up and decay, by ``torch.optim.lr_scheduler``.

The factor at a step depends on the step alone, or, of ``plateau``, on the validations before it, so
that chunks of steps and replayed CUDA graphs change nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from rnnbench.records import recipe
from rnnbench.records.recipe import schedule_of
from rnnbench.training.optimizers import FACTOR

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from rnnbench.contract.task import Batch
    from rnnbench.records.settings import Settings
    from rnnbench.training.steppers import Stepper


def factor(schedule: recipe.Part, step: int, steps: int) -> float:
    """Return the factor of a schedule on the learning rate at a step.

    Args:
        schedule: a part of :data:`rnnbench.records.recipe.SCHEDULES`.
        step: from 0; the last one is ``steps - 1``, and later ones have its factor.
        steps: steps of the training.

    Returns:
        The factor, of ``plateau`` that without any reduction.
    """
    warmup: int = getattr(schedule, "warmup", 0)
    if step < warmup:
        return (step + 1) / warmup
    after = step - warmup
    match schedule:
        case recipe.Linear(final=final):
            return 1 - (1 - final) * _progress(step, warmup, steps)
        case recipe.Cosine(final=final):
            half = math.cos(math.pi * _progress(step, warmup, steps))
            return final + (1 - final) * (1 + half) / 2
        case recipe.Step(every=every, factor=each, final=final):
            every = every or math.ceil((steps - warmup) / 3)
            return max(float(each ** (after // every)), final)
    return 1.0


def _progress(step: int, warmup: int, steps: int) -> float:
    """Return 0 at the first step of full rate, the last of the warm-up, and 1 at the last step."""
    first, last = max(warmup - 1, 0), steps - 1
    return 0.0 if last <= first else min(1.0, (step - first) / (last - first))


class Schedule:
    """The learning rates of an optimizer during one training.

    Args:
        optimizer: made by :func:`rnnbench.training.optimizers.build_optimizer`; its rates are set
            to those of the first step. They may be moved to a device afterwards.
        settings: schedule, learning rate and number of steps.
        direction: whether a higher or a lower validation score is better.
    """

    def __init__(
        self, optimizer: Optimizer, settings: Settings, direction: Literal["higher", "lower"]
    ) -> None:
        part = schedule_of(settings.schedule)
        self._optimizer = optimizer
        self._part = part
        self._settings = settings
        self._taken = 0
        self._warmup: int = getattr(part, "warmup", 0)
        decays = isinstance(part, recipe.Linear | recipe.Cosine | recipe.Step)
        self._last_change = settings.steps if decays else self._warmup
        self._plateau: ReduceLROnPlateau | None = None
        if isinstance(part, recipe.Plateau):
            self._plateau = ReduceLROnPlateau(
                optimizer,
                mode="max" if direction == "higher" else "min",
                factor=part.factor,
                # torch's is the number of validations that are tolerated
                patience=part.patience - 1,
                threshold=0.0,
                threshold_mode="abs",
                min_lr=[part.final * group["lr"] for group in optimizer.param_groups],
                eps=0.0,
            )
        self._by_step: LambdaLR | None = None
        if self._last_change:
            self._by_step = LambdaLR(optimizer, lambda step: factor(part, step, settings.steps))

    @property
    def changes(self) -> bool:
        """Whether a rate may change during the training."""
        return self._by_step is not None or self._plateau is not None

    @property
    def changes_by_step(self) -> bool:
        """Whether :meth:`step` must be called after each step."""
        return self._by_step is not None

    def step(self) -> None:
        """Set the rates of the next step; called after each optimizer step."""
        self._taken += 1
        # after a warm-up the rates are left to the plateau
        if self._by_step is not None and self._taken < self._last_change:
            self._by_step.step()

    def rate(self, steps_taken: int) -> float:
        """Return the learning rate of the last step taken, without the factors of a model.

        It is read before :meth:`validated` is called for this step.
        """
        if self._plateau is None or steps_taken <= self._warmup:
            at = factor(self._part, max(steps_taken - 1, 0), self._settings.steps)
            return self._settings.learning_rate * at
        group = self._optimizer.param_groups[0]
        return float(group["lr"]) / float(group[FACTOR])

    def validated(self, score: float, steps_taken: int) -> None:
        """Take a validation score into account."""
        if self._plateau is not None and steps_taken >= self._warmup:
            self._plateau.step(score)


class ScheduledStepper:
    """A stepper after each of whose steps the schedule sets the rates of the next one."""

    def __init__(self, stepper: Stepper, schedule: Schedule) -> None:
        self._stepper = stepper
        self._schedule = schedule

    def __call__(self, batch: Batch) -> Tensor:
        """Take one step; see :class:`rnnbench.training.steppers.Stepper`."""
        loss = self._stepper(batch)
        self._schedule.step()
        return loss
