"""Gradient profiles, influence and Lyapunov exponents of one trial."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from rnnbench.records.base import Data, Line

FIRST_FITTED_LAG = 5
"""Slopes are fitted from here: nearer lags contain the output path, which is not memory."""


def half_life(slope: float) -> float:
    """Return the half-life in steps of a slope of ln G per step; infinite without decay."""
    return math.log(2) / -slope if slope < 0 else math.inf


Direction: TypeAlias = Literal["past", "future"]


class Profile(Data):
    """One gradient profile G(k) and the fit to it."""

    of: Literal["input", "state"]
    when: Literal["init", "trained"]
    direction: Direction = "past"
    lags: tuple[int, ...]
    values: tuple[float, ...]
    slope: float | None
    """Least-squares slope of ln G per step from lag ``FIRST_FITTED_LAG`` on.

    ``None`` when fewer than two lags could be fitted, and for the input profile after training:
    it peaks where the task puts its information, and is not exponential.
    """
    half_life: float | None
    """``ln 2 / -slope`` in steps; infinite when the gradient does not decay."""
    reach: int
    """Largest lag with G(k) >= 1e-3 max G."""
    relevant_ratio: float | None = None
    """Mean gradient at the inputs that the task needs, over the median at the other lags.

    ``None`` where the task does not declare them, or no other lag is left.
    """


InfluenceMeasure: TypeAlias = Literal[
    "total variation", "largest total variation", "absolute change"
]


class Influence(Data):
    """How much the output of a trained network changes when one input is replaced, by lag."""

    direction: Direction = "past"
    measure: InfluenceMeasure
    """Of predicted distributions, of the predicted bit that changes most, or of predicted values.

    The last is in units of ``scale``.
    """
    scale: float = 1.0
    """Mean absolute difference between the targets of two test sequences; 1 for distributions.

    The absolute change in the task's own unit is a value times this scale.
    """
    lags: tuple[int, ...]
    values: tuple[float, ...]
    """Mean change by lag, over replacements that differ from the input replaced."""
    differing: tuple[float, ...]
    """Share of draws from the data that differ from the input that they replace, by lag."""
    noise: float
    """Mean change of the same outputs when the weights are rounded to float32 at random."""
    floor: float
    """Change that counts as influence: three times the noise, and at least 0.01."""
    relevant: float | None = None
    """Mean influence of the inputs that the task needs on the outputs that need them."""
    irrelevant: float | None = None
    """Mean influence of the other inputs that were replaced."""
    matrix: tuple[tuple[float | None, ...], ...] = ()
    """Influence of the i-th needed input (row) on the j-th output that needs one (column).

    Empty unless the task needs the same pattern in every sequence, at several outputs.
    """

    @property
    def longest(self) -> int:
        """The largest lag measured."""
        return max(self.lags, default=0)

    @property
    def horizon(self) -> int | None:
        """Memory horizon: largest lag with a mean influence above the floor; ``None`` if none."""
        pairs = zip(self.lags, self.values, strict=True)
        return max((lag for lag, value in pairs if value > self.floor), default=None)


LyapunovMethod: TypeAlias = Literal["finite-time singular values", "QR"]


class Gradient(Data):
    """Gradient profiles, influence and Lyapunov exponents: what reaches an output, how far."""

    profiles: tuple[Profile, ...]
    influence: tuple[Influence, ...] = ()
    """Of the trained network; a second one into the future if it looks ahead."""
    lyapunov_init: tuple[float, ...] = ()
    """Largest exponents per step at initialisation, largest first.

    Empty where the size of the state is not fixed.
    """
    lyapunov_trained: tuple[float, ...] = ()
    lyapunov_method: LyapunovMethod | None = None
    """``QR`` estimates the asymptotic exponents of Lyapunov.

    ``finite-time singular values``, for sequences of under 100 steps, are the exact exponents of
    these steps: they contain the transient, and are no estimate of the asymptotic ones.
    """
    lyapunov_steps: int | None = None
    """Number of Jacobians that the exponents are means over."""
    notes: tuple[Line, ...] = ()
    """Reasons why a measurement is missing."""

    def find(self, of: str, when: str, direction: str = "past") -> Profile | None:
        """Return the profile of these properties, or ``None``."""
        for profile in self.profiles:
            if (profile.of, profile.when, profile.direction) == (of, when, direction):
                return profile
        return None

    def influence_towards(self, direction: str = "past") -> Influence | None:
        """Return the influence profile of this direction, or ``None``."""
        return next((each for each in self.influence if each.direction == direction), None)
