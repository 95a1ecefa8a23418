"""Whether a learning curve still rises at its end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

FEWEST_POINTS = 12
"""With fewer validations even a straight rise is not told from noise."""
TOLERANCE = 0.01
"""Skill: an improvement, or a distance from perfection, of at most this much is none."""
STANDARD_ERRORS = 2.5
_OF_STANDARD_DEVIATION = 1.1284
"""Mean absolute difference of two independent normal values, in standard deviations."""


def still_improving(scores: Sequence[float], *, baseline: float, perfect: float) -> bool | None:
    """Return whether the last quarter of the validations is better than the quarter before it.

    Scores are taken as skills, ``(score - baseline) / (perfect - baseline)``. The mean skill of the
    last quarter must exceed that of the quarter before by more than :data:`TOLERANCE` and by more
    than :data:`STANDARD_ERRORS` standard errors of the difference, and must be more than
    :data:`TOLERANCE` below 1. The noise of one validation is estimated from the differences of
    successive ones in these two quarters, which a trend hardly changes (von Neumann 1941).

    Args:
        scores: validation scores in the order of the steps.
        baseline: the score of skill 0.
        perfect: the score of skill 1.

    Returns:
        ``None`` where there are fewer than :data:`FEWEST_POINTS` scores.
    """
    if len(scores) < FEWEST_POINTS:
        return None
    quarter = len(scores) // 4
    skills = [(score - baseline) / (perfect - baseline) for score in scores[-2 * quarter :]]
    before, last = (sum(part) / quarter for part in (skills[:quarter], skills[quarter:]))
    steps = [abs(after - earlier) for earlier, after in pairwise(skills)]
    deviation = sum(steps) / len(steps) / _OF_STANDARD_DEVIATION
    error = deviation * (2 / quarter) ** 0.5
    return last - before > max(TOLERANCE, STANDARD_ERRORS * error) and last < 1 - TOLERANCE
