"""Comparisons where a trial either solves its task or does not: rates, and times to solve.

Sources: Boschloo 1970 (exact unconditional test of two rates); Holm 1979; Peto & Peto 1972 (the
log-rank test as a test of scores, with censored times).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import stats

from rnnbench.analysis.statistics.all_pairs import FEWEST_FOR_VERDICT, MOST_SEEDS, POWER
from rnnbench.analysis.statistics.intervals import LEVEL, Floats

CLEAR_GAP = 0.5
"""Scores are all or none if the gap between the trials that solved the task and those that did not
is at least this share of the range of all scores.
"""


def all_or_none(skills: Sequence[float], solved: Sequence[bool]) -> bool:
    """Return whether scores fall into two groups: trials that solved the task, and others.

    The rule sees the scores of all models together and not which model they belong to. Choosing the
    analysis by it therefore leaves the error rate of a permutation test as it is.

    Args:
        skills: skill of each trial, higher is better.
        solved: whether it solved the task.
    """
    good = [skill for skill, done in zip(skills, solved, strict=True) if done]
    bad = [skill for skill, done in zip(skills, solved, strict=True) if not done]
    if not good or not bad or not np.all(np.isfinite(good + bad)):
        return False
    return min(good) - max(bad) >= CLEAR_GAP * (max(good) - min(bad)) > 0


@lru_cache(maxsize=8192)
def boschloo_p(solved_a: int, n_a: int, solved_b: int, n_b: int) -> float:
    """Return the two-sided p-value of Boschloo's test of two solve rates."""
    if solved_a == solved_b == 0 or (solved_a, solved_b) == (n_a, n_b):
        return 1.0
    table = [[solved_a, solved_b], [n_a - solved_a, n_b - solved_b]]
    return min(1.0, float(stats.boschloo_exact(table).pvalue))


def seeds_for_rates(rate_a: float, rate_b: float, pairs: int) -> int | None:
    """Return the trials of each side that show two true solve rates to differ.

    The difference is shown with probability 0.8, at a level divided by the number of ``pairs``. The
    arcsine of the root of a rate is taken as normal (Cohen 1988), with a correction for continuity
    (Fleiss 1981). ``None`` for equal rates or above ``MOST_SEEDS``.
    """
    distance = 2 * abs(math.asin(math.sqrt(rate_a)) - math.asin(math.sqrt(rate_b)))
    if distance == 0:
        return None
    quantiles = stats.norm.isf((1 - LEVEL) / (2 * pairs)) + stats.norm.isf(1 - POWER)
    continuity = 1 / abs(rate_a - rate_b)
    seeds = max(FEWEST_FOR_VERDICT, math.ceil(2 * (quantiles / distance) ** 2 + continuity))
    return seeds if seeds <= MOST_SEEDS else None


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted by Holm's step-down procedure, in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def log_rank_scores(times: Sequence[float | None]) -> Floats:
    """Return the log-rank score of each trial; a higher score is an earlier event.

    The score is 1 minus the cumulative hazard of all trials at its time (Nelson & Aalen), without
    the 1 for a censored trial. The difference of mean scores of two groups is their log-rank
    statistic.

    Args:
        times: step at which each trial solved the task; ``None`` if it never did, censored at one
            common end.
    """
    at = np.array([np.inf if time is None else float(time) for time in times])
    happened = np.isfinite(at)
    events = np.unique(at[happened])
    hazards = [float((at == event).sum()) / float((at >= event).sum()) for event in events]
    cumulative = np.concatenate([[0.0], np.cumsum(hazards)])
    hazard = cumulative[np.searchsorted(events, at, side="right")]
    scores: Floats = happened - hazard
    return scores
