"""Pruners: the median rule and successive halving, against their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from rnnbench.contract import registry as plugins
from rnnbench.execution.pruning import HALVING_FACTOR, MEDIAN_TRIES, MEDIAN_WARMUP, Pruning
from rnnbench.execution.sampling import fixed_tries
from rnnbench.plan.planning import Request, make_plan
from rnnbench.plan.tuning import StudyPlan, plan_studies
from rnnbench.records.result import CurvePoint, Result, Status, Validated

LOADED = plugins.load()
STEPS, EVERY = 90, 10
AT = range(EVERY, STEPS + 1, EVERY)


def studied(pruner: str) -> StudyPlan:
    request = Request(
        ["copy-memory"],
        ["lstm"],
        seeds=1,
        tune=["learning_rate=1e-4..1e-2"],
        tune_trials=20,
        tune_pruner=pruner,
        settings={"steps": STEPS},
    )
    (study,) = plan_studies(request, make_plan(request, LOADED), LOADED)
    return study


def so_far(scores: Sequence[float], direction: Literal["higher", "lower"]) -> Validated:
    points = tuple(
        CurvePoint(
            step=step, seconds=0.1, train_loss=1.0, validation_loss=1.0, validation_score=score
        )
        for step, score in zip(AT, scores, strict=False)
    )
    best = max(points, key=lambda p: p.validation_score * (1 if direction == "higher" else -1))
    return Validated(
        score_name="score",
        direction=direction,
        best_score=best.validation_score,
        best_loss=1.0,
        best_step=best.step,
        steps_taken=points[-1].step,
        train_seconds=0.1,
        curve=points,
    )


def run(
    pruner: str, curves: Sequence[Sequence[float]], direction: Literal["higher", "lower"]
) -> list[int | None]:
    """Return the step at which each try is ended, one try after the other."""
    study = studied(pruner)
    pruning = Pruning(study)
    ends: list[int | None] = []
    for spec, curve in zip(fixed_tries(study), curves, strict=False):
        ended = None
        for count in range(1, len(AT) + 1):
            if pruning.prunes(spec, so_far(curve[:count], direction)):
                ended = count * EVERY
                break
        kept = so_far(curve[: ended // EVERY if ended else len(AT)], direction)
        status = Status.PRUNED if ended else Status.DONE
        pruning.ended(spec, Result(status=status, validated=kept))
        ends.append(ended)
    return ends


def random_curves(direction: str) -> list[list[float]]:
    rng = np.random.default_rng(3)
    sign = 1 if direction == "higher" else -1
    return [(sign * rng.uniform() * np.linspace(0.3, 1, len(AT))).tolist() for _ in range(20)]


DIRECTIONS: tuple[Literal["higher", "lower"], ...] = ("higher", "lower")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_median_rule(direction: Literal["higher", "lower"]) -> None:
    """A try ends where its best score so far is worse than the median of the whole tries there."""
    curves = random_curves(direction)
    ends = run("median", curves, direction)
    sign = 1 if direction == "higher" else -1
    whole: list[list[float]] = []
    expected: list[int | None] = []
    for curve in curves:
        end = None
        for place, step in enumerate(AT):
            late = step > STEPS // MEDIAN_WARMUP or step >= STEPS
            if len(whole) >= MEDIAN_TRIES and late and step < STEPS:
                middle = np.median([sign * other[place] for other in whole])
                if max(sign * each for each in curve[: place + 1]) < middle:
                    end = step
                    break
        if end is None:
            whole.append(curve)
        expected.append(end)
    assert ends == expected
    assert any(ends)
    assert not all(ends)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_successive_halving_ends_what_is_not_in_the_best_third(
    direction: Literal["higher", "lower"],
) -> None:
    """Of the tries so far at 1/9 and at 1/3 of the steps, the best third goes on (asynchronous)."""
    curves = random_curves(direction)
    ends = run("halving", curves, direction)
    sign = 1 if direction == "higher" else -1
    rungs: dict[int, list[float]] = {STEPS // 9: [], STEPS // 3: []}
    expected: list[int | None] = []
    for curve in curves:
        end = None
        for step, seen in rungs.items():
            score = sign * curve[step // EVERY - 1]
            seen.append(score)
            promoted = sorted(seen, reverse=True)[: max(1, len(seen) // HALVING_FACTOR)]
            if score < promoted[-1]:
                end = step
                break
        expected.append(end)
    assert ends == expected
    assert {STEPS // 9, None} <= set(ends)


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_tries_of_an_earlier_run_count(pruner: str) -> None:
    curves = random_curves("higher")
    ends = run(pruner, curves, "higher")
    study = studied(pruner)
    resumed = Pruning(study)
    specs = fixed_tries(study)
    for spec, curve, end in list(zip(specs, curves, ends, strict=True))[:-1]:
        kept = so_far(curve[: end // EVERY if end else len(AT)], "higher")
        status = Status.PRUNED if end else Status.DONE
        resumed.ended(spec, Result(status=status, validated=kept))
    last = next(
        (
            count * EVERY
            for count in range(1, len(AT) + 1)
            if resumed.prunes(specs[-1], so_far(curves[-1][:count], "higher"))
        ),
        None,
    )
    assert last == ends[-1]


def test_a_try_is_not_ended_at_its_last_step() -> None:
    curves = [[1.0] * 9, [1.0] * 9, [1.0] * 9, [1.0] * 9, [1.0] * 8 + [0.0]]
    assert run("median", curves, "higher") == [None] * 5
