"""Values to try in a tuning study, proposed by samplers of Optuna (Akiba et al. 2019).

Optuna's studies are kept in memory only while they propose: the store has the results.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rnnbench.analysis.tuning.studies import scored
from rnnbench.plan.planning import TUNING_SEED
from rnnbench.records.result import Status
from rnnbench.records.space import distributions

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from rnnbench.plan.tuning import StudyPlan
    from rnnbench.records.result import Result
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.syntax import OptionValue

DIGITS = 4
"""Significant digits of a number that is drawn, so that the chosen recipe can be typed."""
TPE_RANDOM_TRIES = 5
"""Random tries before those of TPE."""


@dataclass(frozen=True)
class Told:
    """A try that a sampler takes into account; ``result`` is ``None`` while it runs."""

    spec: TrialSpec
    result: Result | None


def fixed_tries(plan: StudyPlan) -> list[TrialSpec]:
    """Return all tries of a sampler that needs no results; none of another one.

    The first tries are the same for any number of them, and for every model and task.
    """
    if plan.sampler == "tpe":
        return []
    with quiet():
        from optuna.samplers import GridSampler, RandomSampler

        if plan.sampler == "random":
            sampler: Any = RandomSampler(seed=TUNING_SEED)
        else:
            sampler = GridSampler({a.name: a.choices for a in plan.space}, seed=TUNING_SEED)
        study = _study(sampler, "higher")
        asked = [study.ask(distributions(plan.space)).params for _ in range(plan.tries)]
    return [plan.attempt(number, _rounded(plan, values)) for number, values in enumerate(asked)]


def next_try(plan: StudyPlan, number: int, told: Sequence[Told]) -> TrialSpec:
    """Return the try that TPE proposes after others (Bergstra et al. 2011).

    It depends on its number and the others alone, and not on how often the study was interrupted.
    """
    with quiet():
        from optuna.samplers import TPESampler

        sampler = TPESampler(
            seed=(TUNING_SEED + number) % 2**32,
            n_startup_trials=TPE_RANDOM_TRIES,
            constant_liar=True,
        )
        study = _study(sampler, direction_of([each.result for each in told]))
        for each in told:
            study.add_trial(_trial(plan, each))
        values = study.ask(distributions(plan.space)).params
    return plan.attempt(number, _rounded(plan, values))


def extremes(plan: StudyPlan) -> list[TrialSpec]:
    """Return tries at both ends of all ranges and with each choice, to be checked in advance."""
    low = {a.name: a.low if a.is_range else a.choices[0] for a in plan.space}
    high = {a.name: a.high if a.is_range else a.choices[-1] for a in plan.space}
    each = [{**low, a.name: choice} for a in plan.space for choice in a.choices]
    return [plan.attempt(number, values) for number, values in enumerate([low, high, *each])]


def direction_of(results: Sequence[Result | None]) -> Literal["higher", "lower"]:
    """Return the direction of the score that results have; ``higher`` where none has one."""
    found = (each.validated for each in results if each is not None)
    return next((each.direction for each in found if each is not None), "higher")


def _study(sampler: Any, direction: Literal["higher", "lower"]) -> Any:
    from optuna import create_study

    return create_study(
        sampler=sampler, direction="maximize" if direction == "higher" else "minimize"
    )


def _trial(plan: StudyPlan, told: Told) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    assert told.spec.tuning is not None
    kept = None if told.result is None else scored(told.result)
    if told.result is None:
        state = TrialState.RUNNING
    elif told.result.status is Status.PRUNED and told.result.validated is not None:
        state = TrialState.PRUNED
    else:
        state = TrialState.FAIL if kept is None else TrialState.COMPLETE
    curve = (
        ()
        if told.result is None or told.result.validated is None
        else (told.result.validated.curve)
    )
    return create_trial(
        state=state,
        value=None if kept is None else kept.best_score,
        params=dict(told.spec.tuning.values),
        distributions=dict(distributions(plan.space)),
        intermediate_values={point.step: point.validation_score for point in curve},
    )


def _rounded(plan: StudyPlan, values: Mapping[str, Any]) -> dict[str, OptionValue]:
    """Return values with :data:`DIGITS` significant digits inside the ranges, by name."""
    found: dict[str, OptionValue] = {}
    for axis in plan.space:
        value = values[axis.name]
        if isinstance(value, float) and axis.low is not None and axis.high is not None:
            value = float(min(max(_significant(value), axis.low), axis.high))
        found[axis.name] = value
    return found


def _significant(value: float) -> float:
    return float(f"{value:.{DIGITS - 1}e}") if math.isfinite(value) else value


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's log and its warnings about experimental parts."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        yield
