"""Trials without a score as the worst one, and left out."""

from __future__ import annotations

import pytest

from rnnbench.analysis.groups import group
from rnnbench.analysis.unscored import penalised, score_with_worst, statuses, worst_score
from rnnbench.records.result import Record, Status
from tests.support.factory import learning, record


def trials(scores: list[float], *lost: Status, **options: object) -> list[Record]:
    found = [record(score, seed=seed, **options) for seed, score in enumerate(scores)]  # type: ignore[arg-type]
    return found + [
        record(seed=len(scores) + place, status=status, **options)  # type: ignore[arg-type]
        for place, status in enumerate(lost)
    ]


def test_the_worst_score_is_the_baseline_or_a_worse_trial() -> None:
    (above,) = group(trials([0.5, 0.9]))
    assert worst_score(above) == 0.125
    (below,) = group(trials([0.1, 0.9]))
    assert worst_score(below) == 0.1
    errors = [
        record(seed=seed, learned=learning(score, direction="lower", baseline=1.0, perfect=0.0))
        for seed, score in enumerate([0.2, 1.5])
    ]
    (falling,) = group(errors)
    assert worst_score(falling) == 1.5
    (none,) = group([record(status=Status.FAILED)])
    assert worst_score(none) is None


def test_trained_trials_count_as_the_worst_and_others_do_not() -> None:
    lost = (Status.DIVERGED, Status.TIMEOUT, Status.INTERRUPTED, Status.INCOMPATIBLE)
    (task,) = group(trials([0.9, 0.8], *lost))
    (only,) = task.configurations
    found = score_with_worst(only, 0.125)
    assert found is not None
    assert found.value == pytest.approx((0.9 + 0.8 + 2 * 0.125) / 4)
    assert found.n == 4
    assert len(penalised(only)) == 2
    assert only.score is not None
    assert only.score.value == pytest.approx(0.85)
    assert statuses(only) == {"diverged": 1, "timeout": 1, "interrupted": 1, "incompatible": 1}


def test_a_score_that_is_not_finite_counts_as_the_worst() -> None:
    records = [record(0.9), record(seed=1, learned=learning(float("nan")))]
    (task,) = group(records)
    found = score_with_worst(task.configurations[0], 0.125)
    assert found is not None
    assert found.value == pytest.approx((0.9 + 0.125) / 2)
