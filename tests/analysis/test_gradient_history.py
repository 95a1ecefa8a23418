"""Gradients through training: medians over seeds, the line of a trial, and rows of tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnbench.analysis.gradient_history import Seed, lag_map, line_of, median_norms
from rnnbench.analysis.tables import curves, profiles, tidy
from rnnbench.records.result import Status
from tests.support.factory import record
from tests.support.histories import LAGS, history, tracked


def test_a_map_is_the_median_over_seeds() -> None:
    seeds = [Seed(history(scale=scale), False) for scale in (1.0, 100.0, 3.0)]
    found = lag_map(seeds, lambda point: point.past)
    assert found is not None
    assert (found.steps, found.lags) == ((0, 50, 100), LAGS)
    expected = [[3 * math.exp(-0.2 * lag)] * 3 for lag in LAGS]
    assert found.values == pytest.approx(np.array(expected))


def test_two_seeds_have_their_geometric_mean() -> None:
    seeds = [Seed(history(scale=scale), False) for scale in (1.0, 100.0)]
    found = lag_map(seeds, lambda point: point.past)
    assert found is not None
    assert found.values[0] == pytest.approx([10.0] * 3)


def test_a_seed_that_diverged_counts_up_to_its_end() -> None:
    ended = Seed(history(scale=1e6, steps=(0, 50), norms=(math.inf,)), True)
    found = lag_map([Seed(history(), False), ended], lambda point: point.past)
    assert found is not None
    assert found.values[0] == pytest.approx([1e3, 1e3, 1.0])


def test_lags_are_those_of_all_seeds() -> None:
    short = history().model_copy(update={"lags": (0, 1, 2, 4, 8)})
    found = lag_map([Seed(history(), False), Seed(short, False)], lambda point: point.past)
    assert found is not None
    assert found.lags == (0, 1)


def test_without_a_measurement_there_is_no_map() -> None:
    assert lag_map([Seed(history(), False)], lambda point: point.future) is None
    assert lag_map([], lambda point: point.past) is None


def test_norms_are_medians_over_the_seeds_that_have_the_step() -> None:
    seeds = [
        Seed(history(norms=(2.0, 4.0)), False),
        Seed(history(norms=(6.0, 8.0)), False),
        Seed(history(steps=(0, 50), norms=(40.0,)), True),
    ]
    assert median_norms(seeds) == [(50, 3.0), (100, 3.0)]


def test_the_line_of_a_trial_states_norms_and_what_was_measured() -> None:
    line = line_of(tracked(kept=history(norms=(8.0, math.inf))))
    assert line is not None
    for part in ("clipped to 1", "largest inf by step 100", "1 step", "5 lags and 3 steps"):
        assert part in line
    assert line_of(record()) is None


def test_curves_hold_the_norms_and_the_step_of_a_divergence() -> None:
    done = tracked(kept=history(steps=(0, 500, 1000), norms=(2.0, 0.5)))
    ended = tracked(seed=1, status=Status.DIVERGED, kept=history(steps=(0, 30), norms=(math.inf,)))
    frame = curves([done, ended, record(seed=2)])
    of = dict(list(frame.groupby("seed")))
    assert of[0]["step"].tolist() == [0, *range(50, 1001, 50)]
    assert of[0].set_index("step")["gradient_norm_max"].dropna().to_dict() == {500: 2.0, 1000: 0.5}
    assert of[1]["step"].tolist() == [0, 30]
    assert of[1]["validation_score"].isna().all()
    assert of[1]["gradient_norm_max"].tolist()[1] == math.inf
    assert of[2]["step"].tolist() == [*range(50, 1001, 50)]
    trials = tidy([done, ended, record(seed=2)]).set_index("seed")
    assert trials["grad_norm_max"].tolist()[:2] == [2.0, math.inf]
    assert trials["grad_nonfinite_steps"].tolist()[:2] == [0, 1]
    assert trials["grad_norm_max"].isna().tolist() == [False, False, True]


def test_profiles_hold_every_lag_of_every_measurement() -> None:
    frame = profiles([tracked(kept=history(future=True))])
    during = frame[frame["when"] == "training"]
    assert len(during) == 2 * 3 * len(LAGS)
    assert set(during["step"]) == {0, 50, 100}
    at = during[(during["lag"] == 7) & (during["direction"] == "future")]
    assert at["value"].tolist() == pytest.approx([math.exp(-1.4)] * 3)
    assert frame.loc[frame["when"] != "training", "step"].isna().all()
