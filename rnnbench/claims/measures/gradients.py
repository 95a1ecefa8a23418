"""Measures of gradient profiles and of Lyapunov exponents."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rnnbench.claims.measures.measure import Measure, replaced, with_part
from rnnbench.records.gradient import FIRST_FITTED_LAG, Profile
from rnnbench.records.result import Record

When = Literal["init", "trained"]
Of = Literal["input", "state"]


@dataclass(frozen=True)
class _OfProfile(Measure):
    """A number of a gradient profile.

    Attributes:
        of: ``state``: of the full state; ``input``: of the core's input.
        when: at initialisation or after training.
    """

    of: Of = "state"
    when: When = "init"

    def profile(self, record: Record) -> Profile | None:
        """Return the profile towards the past."""
        gradient = record.result.gradient
        return None if gradient is None else gradient.find(self.of, self.when)

    def changed(self, record: Record, **values: Any) -> Record:
        """Return the record with these values in the profile."""
        gradient, old = record.result.gradient, self.profile(record)
        assert gradient is not None
        assert old is not None
        new = old.model_copy(update=values)
        profiles = tuple(new if each is old else each for each in gradient.profiles)
        return replaced(record, gradient=gradient.model_copy(update={"profiles": profiles}))


@dataclass(frozen=True)
class GradientSlope(_OfProfile):
    """Slope of ln G per step of lag: below 0 the gradient vanishes, above 0 it explodes."""

    name = "slope of ln G per step"
    resolution = 1e-4

    def read(self, record: Record) -> float | None:
        """Return the slope; ``None`` where none could be fitted."""
        profile = self.profile(record)
        return None if profile is None else profile.slope

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this slope."""
        return self.changed(record, slope=value)


@dataclass(frozen=True)
class GradientFactor(_OfProfile):
    """Factor of G per step of lag, ``exp`` of the slope of ln G; also where G grows."""

    name = "factor of G per step"
    resolution = 1e-4

    def read(self, record: Record) -> float | None:
        """Return the factor; ``None`` where no slope could be fitted."""
        profile = self.profile(record)
        return None if profile is None or profile.slope is None else math.exp(profile.slope)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with the slope of this factor."""
        return self.changed(record, slope=math.log(value))


@dataclass(frozen=True)
class GradientSteadiness(_OfProfile):
    """Slope of ln G over the more distant half of the lags, over that over the nearer half.

    It is 1 for an exponential. A power of the lag has a flatter slope at distant lags: for
    ``G = 1 / k`` and lags 5 to 200 it is 0.28.
    """

    name = "slope of ln G, distant lags over near ones"
    resolution = 1e-3

    def read(self, record: Record) -> float | None:
        """Return the ratio; ``None`` with fewer than 8 lags, or where the near slope is 0."""
        profile = self.profile(record)
        if profile is None:
            return None
        near, distant = self._halves(profile)
        if len(near) < _FEWEST_OF_A_SLOPE:
            return None
        slopes = [_log_slope(half) for half in (near, distant)]
        return slopes[1] / slopes[0] if slopes[0] else None

    def write(self, record: Record, value: float) -> Record:
        """Return the record with values of this ratio, which halve every 7 steps at near lags."""
        profile = self.profile(record)
        assert profile is not None
        even = tuple(math.exp(-0.1 * lag) for lag in profile.lags)
        near, _ = self._halves(profile.model_copy(update={"values": even}))
        knot = near[-1][0]
        return self.changed(
            record,
            values=tuple(
                math.exp(-0.1 * (min(lag, knot) + value * max(0, lag - knot)))
                for lag in profile.lags
            ),
        )

    @staticmethod
    def _halves(profile: Profile) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """Return the fitted lags with their G, in two halves."""
        fitted = [
            (lag, value)
            for lag, value in zip(profile.lags, profile.values, strict=True)
            if lag >= FIRST_FITTED_LAG and sys.float_info.min <= value < math.inf
        ]
        middle = len(fitted) // 2
        return fitted[:middle], fitted[middle:]


_FEWEST_OF_A_SLOPE = 4


def _log_slope(points: Sequence[tuple[int, float]]) -> float:
    lags, values = zip(*points, strict=True)
    return statistics.linear_regression(lags, [math.log(value) for value in values]).slope


@dataclass(frozen=True)
class GradientHalfLife(_OfProfile):
    """Steps in which the gradient halves; infinite, and left out, where it does not decay.

    Attributes:
        logarithmic: take its logarithm also for a slope, which is then an exponent.
    """

    logarithmic: bool = False  # type: ignore[misc]
    name = "half-life of the gradient in steps"
    resolution = 1e-3

    def read(self, record: Record) -> float | None:
        """Return the half-life; ``None`` where no slope could be fitted."""
        profile = self.profile(record)
        return None if profile is None else profile.half_life

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this half-life and its slope."""
        return self.changed(record, half_life=value, slope=-math.log(2) / value)


@dataclass(frozen=True)
class GradientAtLag(_OfProfile):
    """G at a lag over the largest G, which says what share of the gradient reaches so far.

    Attributes:
        lag: in steps; the nearest one that was measured is taken.
    """

    lag: int = 50
    name = "gradient at a distant lag over its maximum"
    resolution = 1e-3

    def read(self, record: Record) -> float | None:
        """Return the share; ``None`` without a profile."""
        profile = self.profile(record)
        if profile is None or not profile.values or not max(profile.values):
            return None
        return profile.values[self._place(profile)] / max(profile.values)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this share."""
        profile = self.profile(record)
        assert profile is not None
        values = list(profile.values)
        values[self._place(profile)] = value * max(values)
        return self.changed(record, values=tuple(values))

    def _place(self, profile: Profile) -> int:
        return min(range(len(profile.lags)), key=lambda i: abs(profile.lags[i] - self.lag))


@dataclass(frozen=True)
class Lyapunov(Measure):
    """Largest Lyapunov exponent of the state per step; above 0 perturbations grow.

    Attributes:
        when: at initialisation or after training.
    """

    when: When = "init"
    name = "largest Lyapunov exponent per step"
    resolution = 1e-4

    def read(self, record: Record) -> float | None:
        """Return the exponent; ``None`` where it was not measured."""
        gradient = record.result.gradient
        found = () if gradient is None else getattr(gradient, f"lyapunov_{self.when}")
        return found[0] if found else None

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this exponent."""
        return with_part(record, "gradient", **{f"lyapunov_{self.when}": (value,)})
