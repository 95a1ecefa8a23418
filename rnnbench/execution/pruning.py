"""Tries that are ended early, by pruners of Optuna: the median rule and successive halving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnbench.analysis.tuning.studies import scored
from rnnbench.execution.sampling import quiet
from rnnbench.records.result import Status

if TYPE_CHECKING:
    from rnnbench.plan.tuning import StudyPlan
    from rnnbench.records.result import Result, Validated
    from rnnbench.records.spec import TrialSpec

MEDIAN_TRIES = 4
"""Whole tries before the median rule ends any (Golovin et al. 2017)."""
MEDIAN_WARMUP = 4
"""The median rule leaves the first 1/4 of the steps alone."""
HALVING_FACTOR = 3
"""Successive halving continues the best third at 1/9 and at 1/3 of the steps (Li et al. 2020)."""


class Pruning:
    """The pruner of one study; it has to know every try from its first validation.

    What it decides depends on the order in which tries run, and thereby on ``jobs``.
    """

    def __init__(self, plan: StudyPlan) -> None:
        self._plan = plan
        self._study: Any = None
        # Optuna's trials by number, and the last step that each has reported.
        self._trials: dict[int, Any] = {}
        self._reported: dict[int, int] = {}

    def prunes(self, spec: TrialSpec, validated: Validated) -> bool:
        """Note the validations of a running try so far; return whether it should end now."""
        assert spec.tuning is not None
        number = spec.tuning.number
        with quiet():
            trial = self._trial(number, validated)
            pruned = False
            for point in validated.curve:
                if point.step > self._reported.get(number, 0):
                    self._reported[number] = point.step
                    trial.report(point.validation_score, point.step)
                    pruned = bool(trial.should_prune()) or pruned
        # The last validation is the end of the try: stopping it would save nothing.
        return pruned and validated.steps_taken < spec.settings.steps

    def ended(self, spec: TrialSpec, result: Result) -> None:
        """Note how a try ended, in this run or in an earlier one."""
        if result.validated is None:
            return
        assert spec.tuning is not None
        self.prunes(spec, result.validated)
        with quiet():
            from optuna.trial import TrialState

            kept = scored(result)
            if kept is not None:
                self._study.tell(self._trials[spec.tuning.number], kept.best_score)
            else:
                pruned = result.status is Status.PRUNED
                self._study.tell(
                    self._trials[spec.tuning.number],
                    state=TrialState.PRUNED if pruned else TrialState.FAIL,
                )

    def _trial(self, number: int, validated: Validated) -> Any:
        if self._study is None:
            from optuna import create_study

            self._study = create_study(
                direction="maximize" if validated.direction == "higher" else "minimize",
                pruner=self._pruner(),
            )
        if number not in self._trials:
            self._trials[number] = self._study.ask()
        return self._trials[number]

    def _pruner(self) -> Any:
        from optuna.pruners import MedianPruner, SuccessiveHalvingPruner

        steps = self._plan.base.settings.steps
        if self._plan.pruner == "median":
            return MedianPruner(
                n_startup_trials=MEDIAN_TRIES, n_warmup_steps=steps // MEDIAN_WARMUP
            )
        return SuccessiveHalvingPruner(
            min_resource=max(1, steps // HALVING_FACTOR**2), reduction_factor=HALVING_FACTOR
        )
