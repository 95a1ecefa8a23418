"""Synthetic records of tries in tuning studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rnnbench.records.result import CurvePoint, Record, Result, Status, Validated
from rnnbench.records.settings import Settings
from rnnbench.records.space import Axis
from rnnbench.records.spec import Try
from rnnbench.records.syntax import OptionValue
from tests.support.factory import ENVIRONMENT, trial_spec

TUNING_SEED = 2**31 - 1
RATES = (Axis(name="learning_rate", low=1e-4, high=1e-2, log=True),)


def validated(
    score: float,
    *,
    loss: float = 0.5,
    direction: Literal["higher", "lower"] = "higher",
    steps: int = 1000,
) -> Validated:
    """A curve of two points, the better of which has the score."""
    worse = score - 0.1 if direction == "higher" else score + 0.1
    points = tuple(
        CurvePoint(
            step=step,
            seconds=0.004 * step,
            train_loss=loss,
            validation_loss=loss,
            validation_score=value,
        )
        for step, value in ((steps // 2, worse), (steps, score))
    )
    return Validated(
        score_name="accuracy" if direction == "higher" else "mse",
        direction=direction,
        best_score=score,
        best_loss=loss,
        best_step=steps,
        steps_taken=steps,
        train_seconds=0.004 * steps,
        curve=points,
    )


def try_record(
    number: int,
    score: float | None,
    *,
    values: Mapping[str, OptionValue] | None = None,
    study: str = "study",
    task: str = "copy-memory",
    model: str = "lstm",
    status: Status = Status.DONE,
    loss: float = 0.5,
    direction: Literal["higher", "lower"] = "higher",
    attempt: int = 1,
    asked: int = 10,
    space: Sequence[Axis] = RATES,
    sampler: Literal["random", "tpe", "grid"] = "random",
    settings: Settings | None = None,
) -> Record:
    """One try; its values, of settings alone, replace those of the default ``settings``."""
    default = trial_spec(task=task, model=model, seed=TUNING_SEED, settings=settings)
    chosen = {"learning_rate": 1e-4 * 1.5**number} if values is None else dict(values)
    spec = default.model_copy(
        update={
            "settings": Settings.model_validate({**default.settings.model_dump(), **chosen}),
            "tuning": Try(
                study=study,
                number=number,
                values=chosen,
                space=tuple(space),
                sampler=sampler,
                asked=asked,
                default_id=default.config_id,
            ),
        }
    )
    kept = None if score is None else validated(score, loss=loss, direction=direction)
    return Record(
        trial_id=spec.trial_id,
        attempt=attempt,
        spec=spec,
        result=Result(status=status, validated=kept, environment=ENVIRONMENT),
        started_at=f"2026-01-02T03:04:{number % 60:02}+00:00",
        seconds=12.5,
    )
