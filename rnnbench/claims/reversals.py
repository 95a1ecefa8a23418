"""How often two conditions, e.g. recipes before and after tuning, order two models differently.

Only pairs whose order is sure under both conditions count. Two models without a difference would
otherwise be in either order by chance alone, and half of such pairs would seem reversed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rnnbench.claims.effects import Estimate, Moments, Scale

_Array = NDArray[np.float64]
_DRAWS = 1000
_SEED = 0


@dataclass(frozen=True)
class Reversals:
    """Share of pairs of models that one condition puts in the opposite order of the other.

    The order of two models is sure under a condition if the difference of their means is larger
    than ``least`` and Student's t test tells them apart at ``level``, with separate variances and
    the smaller of both degrees of freedom. Pairs whose order is sure under both conditions are
    counted; the effect is the share of them with opposite orders.

    The standard error is that of a parametric bootstrap (Efron and Tibshirani 1993, section 6.5):
    normal means and chi-squared variances are drawn around the measured ones, and pairs are counted
    anew. It is at least that of half a pair. It holds for these models and tasks, with further
    seeds; they are no sample of all models and tasks.

    Attributes:
        tasks: for each task, the groups of each model under both conditions, e.g.
            ``[[("a", "a tuned"), ("b", "b tuned")]]``; pairs are formed within a task.
        unit: what the share is, in words.
        least: smallest difference of means that counts as one.
        level: of the test of each difference.
    """

    tasks: Sequence[Sequence[tuple[str, str]]]
    unit: str
    least: float = 0.0
    level: float = 0.05
    scale: Scale = "identity"
    groups: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.tasks or any(len(models) < 2 for models in self.tasks):
            raise ValueError("reversals need at least two models on each task")
        names = [name for models in self.tasks for both in models for name in both]
        object.__setattr__(self, "groups", tuple(dict.fromkeys(names)))

    def estimate(self, groups: Mapping[str, Moments]) -> Estimate:
        """Return the share with its standard error, which is infinite where no pair is sure."""
        moments = [groups[name] for name in self.groups]
        means = np.array([[each.mean for each in moments]])
        errors = np.array([[each.error for each in moments]])
        freedoms = np.array([each.freedom for each in moments])
        count = min(each.count for each in moments)
        sure, opposite = self._counted(means, errors, freedoms)
        if not sure[0]:
            return Estimate(0.0, math.inf, math.inf, self.scale, count)
        # the same draws for the same measurements: a verdict does not change when it is read again
        generator = np.random.default_rng(_SEED)
        shape = (_DRAWS, len(moments))
        drawn = means + errors * generator.standard_normal(shape)
        finite = np.where(np.isinf(freedoms), 1.0, freedoms)
        chi = np.where(np.isinf(freedoms), 1.0, generator.chisquare(finite, shape) / finite)
        some, other = self._counted(drawn, errors * np.sqrt(chi), freedoms)
        shares = other[some > 0] / some[some > 0]
        error = max(float(np.std(shares)) if len(shares) else math.inf, 0.5 / float(sure[0]))
        freedom = float(freedoms.sum())
        return Estimate(float(opposite[0] / sure[0]), error, freedom, self.scale, count)

    def _counted(self, means: _Array, errors: _Array, freedoms: _Array) -> tuple[_Array, _Array]:
        """Return how many pairs are sure, and how many of them are reversed, in each row."""
        places = {name: place for place, name in enumerate(self.groups)}
        pairs = [
            [(places[a[when]], places[b[when]]) for when in (0, 1)]
            for models in self.tasks
            for a, b in combinations(models, 2)
        ]
        before, after = (
            self._orders(means, errors, freedoms, np.array([pair[when] for pair in pairs]))
            for when in (0, 1)
        )
        both = before * after
        return np.abs(both).sum(axis=1), (both < 0).sum(axis=1).astype(float)

    def _orders(
        self, means: _Array, errors: _Array, freedoms: _Array, pairs: NDArray[np.intp]
    ) -> _Array:
        """Return 1, -1 or, where it is not sure, 0 for the order of each pair in each row."""
        # scipy is imported where it is used: claims are loaded at the start of every command
        from scipy.special import stdtrit

        left, right = pairs[:, 0], pairs[:, 1]
        difference = means[:, left] - means[:, right]
        error = np.hypot(errors[:, left], errors[:, right])
        freedom = np.minimum(np.minimum(freedoms[left], freedoms[right]), 1e6)
        critical = stdtrit(freedom, 1 - self.level / 2)
        sure = np.abs(difference) > np.maximum(self.least, critical * error)
        return np.sign(difference) * sure
