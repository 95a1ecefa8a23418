"""Gradients of one trial through its training, recorded on request (``track_gradients``)."""

from __future__ import annotations

from pydantic import Field

from rnnbench.records.base import Data, Line


class GradientPoint(Data):
    """Gradients at one step of a training: a validation, the start, or the end of the history.

    Norms are those of the whole gradient of the training loss before clipping, over the optimizer
    steps since the previous point.
    """

    step: int
    """Optimizer steps taken; 0 before the first one."""
    norm_median: float | None = None
    """Median norm, of the steps whose norm is a number; ``None`` without any."""
    norm_max: float | None = None
    """Largest of these norms; infinite where the gradient overflowed."""
    nonfinite_steps: int = Field(default=0, ge=0)
    """Steps whose norm was infinite or NaN."""
    clipped_share: float | None = None
    """Share of the steps whose gradient was clipped; ``None`` without clipping or without steps."""
    past: tuple[float, ...] = ()
    """G(k) of the encoder's output at the lags of the history; empty where it was not measured."""
    future: tuple[float, ...] = ()
    """The same into the future; empty for a causal model."""


class GradientHistory(Data):
    """Gradient norms and G(k) through a training, up to its end or its divergence."""

    lags: tuple[int, ...] = ()
    """Lags k of ``past`` and ``future`` in time steps; empty where G(k) was not measured."""
    relevant_lag: int | None = None
    """The longest lag at which every measured sequence has an input that the task needs.

    ``None`` where the task declares none.
    """
    sequences: int = 0
    """Sequences, each with a random direction of its own, that G(k) is a mean over."""
    points: tuple[GradientPoint, ...]
    """By step, the first one before the training."""
    notes: tuple[Line, ...] = ()
    """Reasons why a measurement is missing."""

    @property
    def largest(self) -> GradientPoint | None:
        """The first point with the largest norm; ``None`` where no norm is a number."""
        known = [point for point in self.points if point.norm_max is not None]
        return max(known, key=lambda point: point.norm_max or 0.0, default=None)

    @property
    def norm_max(self) -> float | None:
        """The largest norm of the training before clipping; infinite after an overflow."""
        return None if self.largest is None else self.largest.norm_max

    @property
    def nonfinite_steps(self) -> int:
        """Steps of the training whose norm was infinite or NaN."""
        return sum(point.nonfinite_steps for point in self.points)
