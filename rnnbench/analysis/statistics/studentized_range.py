"""The distribution of the studentized range, for many statistics at once.

``scipy.stats.studentized_range`` takes 5 to 30 ms for one probability and 200 ms for one quantile.
A table of a hundred models needs thousands of both. The tests compare the two.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from rnnbench.analysis.statistics.intervals import Floats

_WIDEST = 80.0


def tail(q: Floats | float, groups: int, freedom: Floats | float) -> Floats:
    """Return the probability that the studentized range exceeds ``q``.

    The range is that of ``groups`` standard normal values, divided by an independent root mean
    square with ``freedom`` degrees of freedom (Tukey 1949). The error is below 2e-4.

    Args:
        q: (...) statistics, at least 0.
        groups: number of values, at least 2.
        freedom: (...) degrees of freedom, at least 1; broadcast with ``q``.
    """
    at, freedoms = np.broadcast_arrays(np.asarray(q, float), np.asarray(freedom, float))
    places, weights = _unit_nodes()
    # quantiles of the root mean square
    scale = np.sqrt(special.chdtri(freedoms[..., None], 1 - places) / freedoms[..., None])
    widths, probabilities = _range_distribution(groups)
    below = np.interp(at[..., None] * scale, widths, probabilities)
    result: Floats = np.clip(((1 - below) * weights).sum(-1), 0.0, 1.0)
    return result


@lru_cache(maxsize=4096)
def critical(alpha: float, groups: int, freedom: float) -> float:
    """Return the statistic that is exceeded with probability ``alpha``."""
    # between one comparison by t and all pairs by Bonferroni, as |t| is the range over sqrt(2)
    low = float(stats.t.isf(alpha / 2, freedom)) * 2**0.5
    high = float(stats.t.isf(alpha / (groups * (groups - 1)), freedom)) * 2**0.5
    if groups == 2:
        return low
    return float(
        optimize.brentq(
            lambda q: float(tail(q, groups, freedom)) - alpha, 0.9 * low, 1.1 * high, xtol=1e-4
        )
    )


@lru_cache(maxsize=1)
def _unit_nodes() -> tuple[Floats, Floats]:
    """Return nodes and weights of an integral over (0, 1), dense at both ends."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    # x = smooth step of u: its derivative vanishes at the ends, where the quantiles are steep.
    u = 0.5 * (nodes + 1)
    return u * u * (3 - 2 * u), 0.5 * weights * 6 * u * (1 - u)


@lru_cache(maxsize=256)
def _range_distribution(groups: int) -> tuple[Floats, Floats]:
    """Return widths and the probabilities that the range of ``groups`` normals is below them."""
    widths = np.concatenate([np.linspace(0, 12, 600), [_WIDEST]])
    nodes, weights = np.polynomial.legendre.leggauss(120)
    lowest = 8.5 * nodes
    inside = special.ndtr(lowest + widths[:, None]) - special.ndtr(lowest)
    density = np.exp(-0.5 * lowest**2) / np.sqrt(2 * np.pi)
    return widths, groups * 8.5 * (density * inside ** (groups - 1) * weights).sum(-1)
