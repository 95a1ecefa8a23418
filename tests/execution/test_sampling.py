"""Values that samplers propose: where they lie, and what they depend on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.contract import registry as plugins
from rnnbench.execution.sampling import Told, extremes, fixed_tries, next_try
from rnnbench.plan.planning import TUNING_SEED, Request, make_plan
from rnnbench.plan.tuning import StudyPlan, plan_studies
from rnnbench.records.result import Result, Status
from rnnbench.records.spec import TrialSpec
from tests.support.tries import validated

LOADED = plugins.load()


def studied(*tune: str, models: tuple[str, ...] = ("lstm",), **asked: Any) -> list[StudyPlan]:
    request = Request(["copy-memory"], models, seeds=1, tune=tune, **asked)
    return plan_studies(request, make_plan(request, LOADED), LOADED)


def values(specs: list[TrialSpec], name: str = "learning_rate") -> list[Any]:
    return [spec.tuning.values[name] for spec in specs if spec.tuning is not None]


@pytest.mark.parametrize(
    ("text", "scale"),
    [("learning_rate=1e-4..1e-1", math.log), ("decoder_dropout=0.1..0.6:linear", float)],
)
def test_random_values_are_uniform_on_their_scale(text: str, scale: Any) -> None:
    (study,) = studied(text, tune_trials=400)
    (axis,) = study.space
    assert axis.low is not None
    assert axis.high is not None
    found = np.array([scale(value) for value in values(fixed_tries(study), axis.name)])
    low, high = scale(axis.low), scale(axis.high)
    # rounding to four digits moves a value by 0.05 % at most
    assert stats.kstest((found - low) / (high - low), "uniform").pvalue > 0.01


def test_choices_are_equally_likely() -> None:
    (study,) = studied("optimizer=adam|sgd|rmsprop", tune_trials=300)
    drawn = values(fixed_tries(study), "optimizer")
    counts = [drawn.count(name) for name in ("adam", "sgd", "rmsprop")]
    assert sum(counts) == 300
    assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_more_tries_begin_with_the_same(sampler: str) -> None:
    tune = (
        ("optimizer=adam|sgd|rmsprop", "num_layers=1|2|3")
        if sampler == "grid"
        else ("learning_rate=1e-4..1e-2", "optimizer=adam|sgd", "hidden_size=4..64")
    )
    (few,) = studied(*tune, tune_trials=4, tune_sampler=sampler)
    (more,) = studied(*tune, tune_trials=9, tune_sampler=sampler)
    first, all_ = fixed_tries(few), fixed_tries(more)
    assert [spec.trial_id for spec in first] == [spec.trial_id for spec in all_[:4]]
    assert len({spec.trial_id for spec in all_}) == 9


def test_every_model_gets_the_same_random_values() -> None:
    found = studied("learning_rate=1e-4..1e-2", models=("lstm", "gru", "rnn"), tune_trials=5)
    drawn = [values(fixed_tries(study)) for study in found]
    assert drawn[0] == drawn[1] == drawn[2]


def test_a_grid_has_every_point_once() -> None:
    (study,) = studied("optimizer=adam|sgd", "clip_norm=none|0.5|1", tune_sampler="grid")
    tries = fixed_tries(study)
    points = set(zip(values(tries, "optimizer"), values(tries, "clip_norm"), strict=True))
    assert points == {(a, b) for a in ("adam", "sgd") for b in (None, 0.5, 1.0)}
    assert len(tries) == 6


@given(low=st.floats(1e-6, 1e3), factor=st.floats(1.0001, 1e4))
def test_rounded_values_stay_in_the_range_and_can_be_typed(low: float, factor: float) -> None:
    (study,) = studied(f"learning_rate={low}..{low * factor}", tune_trials=5)
    (axis,) = study.space
    for value in values(fixed_tries(study)):
        assert axis.holds(value)
        assert value in (axis.low, axis.high) or len(f"{value:.3e}") >= len(f"{value:e}") - 3
        assert value in (axis.low, axis.high) or float(f"{value:.3e}") == value


def test_tries_have_the_seed_of_tuning() -> None:
    (study,) = studied("learning_rate=1e-4..1e-2")
    assert {spec.seed for spec in fixed_tries(study)} == {TUNING_SEED}


def test_extremes_are_the_ends_and_every_choice() -> None:
    (study,) = studied("learning_rate=1e-4..1e-2", "optimizer=adam|sgd|rmsprop")
    found = extremes(study)
    assert {1e-4, 1e-2} == set(values(found))
    assert set(values(found, "optimizer")) == {"adam", "sgd", "rmsprop"}


def scored(score: float) -> Result:
    return Result(status=Status.DONE, validated=validated(score))


def searched(study: StudyPlan, goal: float, tries: int) -> list[float]:
    """Search a rate whose score falls with its distance from the goal on a log scale."""
    told: list[Told] = []
    for number in range(tries):
        spec = next_try(study, number, told)
        (rate,) = values([spec])
        told.append(Told(spec, scored(-abs(math.log10(rate / goal)))))
    return values([each.spec for each in told])


def test_tpe_searches_where_scores_are_good() -> None:
    (study,) = studied("learning_rate=1e-6..1", tune_sampler="tpe", tune_trials=25)
    (other,) = studied("learning_rate=1e-6..1", tune_trials=25)
    late, drawn = [], []
    for goal in (1e-5, 3e-4, 1e-2, 0.3):
        late += [abs(math.log10(rate / goal)) for rate in searched(study, goal, 25)[15:]]
        drawn += [abs(math.log10(rate / goal)) for rate in values(fixed_tries(other))]
    assert stats.mannwhitneyu(late, drawn, alternative="less").pvalue < 0.01


def test_a_proposal_of_tpe_depends_on_the_other_tries_alone() -> None:
    (study,) = studied("learning_rate=1e-6..1", tune_sampler="tpe")
    told: list[Told] = []
    for number in range(8):
        spec = next_try(study, number, told)
        assert next_try(study, number, list(told)) == spec
        (rate,) = values([spec])
        result = scored(-abs(math.log10(rate))) if number % 3 else Result(status=Status.DIVERGED)
        told.append(Told(spec, result))
    running = [*told[:-1], Told(told[-1].spec, None)]
    assert axis_holds(study, next_try(study, 8, running))


def axis_holds(study: StudyPlan, spec: TrialSpec) -> bool:
    return all(study.space[0].holds(value) for value in values([spec]))
