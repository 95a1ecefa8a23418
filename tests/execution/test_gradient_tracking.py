"""Gradients through training in the record of a trial, whatever its end."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.records.result import Result, Status
from rnnbench.records.space import Axis
from rnnbench.records.spec import Try
from rnnbench.records.store import Store
from tests.execution.test_trial_learning import planned
from tests.golden.trials import one_thread
from tests.tasks.builders import loaded

TASK = "copy-memory[delay=3,symbols=2]"
EXPLODING: dict[str, Any] = {
    "steps": 300,
    "validate_every": 1,
    "optimizer": "sgd",
    "learning_rate": 3.0,
    "clip_norm": None,
}


def ran(model: str, **settings: Any) -> Result:
    job = TrialJob(spec=planned(TASK, model, **settings), options=TrialOptions(probes=False))
    with one_thread():
        return run_trial(job, loaded())


def test_scores_and_losses_are_those_of_the_trial_without_it() -> None:
    one, other = (ran("gru", steps=120, track_gradients=each) for each in (True, False))
    assert one.learning is not None
    assert other.learning is not None
    assert (one.learning.score, one.learning.test_loss) == (
        other.learning.score,
        other.learning.test_loss,
    )
    losses = [
        [(point.train_loss, point.validation_loss) for point in learning.curve]
        for learning in (one.learning, other.learning)
    ]
    assert losses[0] == losses[1]
    assert other.gradient_history is None
    history = one.gradient_history
    assert history is not None
    assert history.notes == ()
    assert history.points[-1].step == 120
    steps = [point.step for point in history.points if point.past]
    assert steps == [0, 102]
    # the last symbol is recalled delay + symbols steps after it was read
    assert history.relevant_lag == 5
    assert history.relevant_lag in history.lags


def test_a_trial_that_records_gradients_is_another_trial_than_one_that_does_not() -> None:
    without, tracked = planned(TASK), planned(TASK, track_gradients=True)
    assert "track_gradients" not in without.settings.identity()
    assert without.trial_id != tracked.trial_id
    assert without.speed_id == tracked.speed_id


def test_an_explosion_is_in_the_record_of_a_trial_that_diverged(tmp_path: Path) -> None:
    result = ran("irnn", track_gradients=True, **EXPLODING)
    assert result.status is Status.DIVERGED
    assert result.learning is None
    history = result.gradient_history
    assert history is not None
    assert f"at step {history.points[-1].step}." in (result.error or "")
    norms = [point.norm_max for point in history.points[1:] if point.norm_max is not None]
    assert norms[0] < 10
    assert history.norm_max == max(norms) > 1e6
    assert norms[-1] == max(norms)
    spec = planned(TASK, "irnn", track_gradients=True, **EXPLODING)
    with Store(tmp_path / "records.db") as store:
        store.add(spec, result, started_at="2026-01-02T03:04:05+00:00", seconds=1.0)
        (kept,) = store.records()
    assert kept.result.gradient_history is not None
    assert kept.result.gradient_history.norm_max == history.norm_max


def test_clipping_bounds_no_norm_and_keeps_the_training_finite() -> None:
    result = ran("irnn", track_gradients=True, **{**EXPLODING, "clip_norm": 0.1})
    assert result.status is Status.DONE
    assert result.learning is not None
    history = result.gradient_history
    assert history is not None
    # norms are those before clipping
    assert history.norm_max is not None
    assert 0.1 < history.norm_max < math.inf
    shares = [point.clipped_share for point in history.points[1:]]
    mean = sum(share for share in shares if share is not None) / len(shares)
    assert mean == pytest.approx(result.learning.clipped_share)


def test_a_model_that_looks_ahead_has_both_directions() -> None:
    history = ran("bilstm", steps=60, track_gradients=True).gradient_history
    assert history is not None
    assert history.relevant_lag is None
    assert all(len(point.past) == len(point.future) for point in history.points)
    assert len(history.points[0].future) == len(history.lags)


def test_a_try_of_a_tuning_study_has_a_history_too() -> None:
    space = (Axis(name="learning_rate", low=1e-4, high=1e-2, log=True),)
    tuning = Try(study="study", number=0, values={"learning_rate": 1e-3}, space=space)
    spec = planned(TASK, steps=120, track_gradients=True).model_copy(update={"tuning": tuning})
    with one_thread():
        result = run_trial(TrialJob(spec=spec), loaded())
    assert result.validated is not None
    assert result.gradient_history is not None
    assert [point.step for point in result.gradient_history.points if point.past] == [0, 102]
