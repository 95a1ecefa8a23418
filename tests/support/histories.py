"""Synthetic records with gradients through training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rnnbench.records.gradient_history import GradientHistory, GradientPoint
from rnnbench.records.result import Record, Status
from tests.support.factory import record

LAGS = (0, 1, 3, 7, 15)


def history(
    slope: float = -0.2,
    *,
    scale: float = 1.0,
    steps: Sequence[int] = (0, 50, 100),
    norms: Sequence[float] = (2.0, 0.5),
    future: bool = False,
) -> GradientHistory:
    """G(k) = scale * exp(slope * k) at every step; one maximal norm for each step after the first.

    The median norm is half of the maximum.
    """
    values = tuple(scale * math.exp(slope * lag) for lag in LAGS)
    points = [
        GradientPoint(
            step=step,
            norm_median=None if norm is None else norm / 2,
            norm_max=norm,
            nonfinite_steps=int(norm == math.inf),
            clipped_share=None if norm is None else 0.25,
            past=values,
            future=values if future else (),
        )
        for step, norm in zip(steps, (None, *norms), strict=True)
    ]
    return GradientHistory(lags=LAGS, sequences=8, points=tuple(points))


def tracked(
    model: str = "lstm",
    seed: int = 0,
    *,
    status: Status = Status.DONE,
    kept: GradientHistory | None = None,
    **options: Any,
) -> Record:
    """A record with a history."""
    made = record(model=model, seed=seed, status=status, **options)
    result = made.result.model_copy(update={"gradient_history": kept or history()})
    return made.model_copy(update={"result": result})
