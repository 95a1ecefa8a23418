"""Published results beside those of trials: which ones are reproduced.

The rule, for a published value v and the mean score of at least two seeds with its 95 % interval:

- the *scale* is the range from the baseline to the perfect score; for an extra score it is |v|;
- the *tolerance* is the smallest effect of interest, a share of the scale, plus the rounding of v
  as printed;
- *reproduced*: v is in the interval widened by the tolerance on both sides, and half the interval
  is no wider than a tenth of the scale; a wider one is *undecided*;
- *better* or *worse*: v is outside;
- a bound *holds* if the whole interval is on its side, does not hold if none of it is, and is
  undecided otherwise.

The published value counts as exact: few sources state how theirs varies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.protocol import differences
from rnnbench.analysis.statistics.intervals import Estimate, mean_interval
from rnnbench.analysis.verdicts import SMALLEST_EFFECT
from rnnbench.records.published import RecordedPublished

OPTIMUM = "optimum"
"""Name of an analytic optimum, which is compared with the perfect score of the task."""
WIDEST = 0.1
"""Half an interval that is wider than this share of the scale shows no agreement."""

Agreement: TypeAlias = Literal[
    "reproduced",
    "better",
    "worse",
    "bound holds",
    "bound does not hold",
    "undecided",
    "one seed",
    "no trial",
]
UNDECIDED: tuple[Agreement, ...] = ("undecided", "one seed", "no trial")


@dataclass(frozen=True, eq=False)
class Comparison:
    """A published result beside the trials of one configuration, if there are any.

    Attributes:
        published: the result.
        configuration: the trials; ``None`` without one, and for a value that needs none.
        ours: the mean score of the trials; a value without an interval where no seed changes it.
        best: the score of the best seed.
        better_if: ``"higher"`` or ``"lower"``.
        tolerance: in units of the score.
        agreement: the verdict.
        differences: of protocol.
    """

    published: RecordedPublished
    configuration: Configuration | None
    ours: Estimate | None
    best: float | None
    better_if: Literal["higher", "lower"]
    tolerance: float
    agreement: Agreement
    differences: tuple[str, ...]

    @property
    def best_reaches(self) -> bool:
        """Whether the best seed is as good as the published value, within the tolerance."""
        if self.best is None:
            return False
        sign = 1 if self.better_if == "higher" else -1
        return sign * (self.best - self.published.value) >= -self.tolerance


def comparisons_with_published(
    task: TaskGroup, smallest_effect: float = SMALLEST_EFFECT
) -> list[Comparison]:
    """Return the published results of a task beside its trials, in the order of declaration."""
    found: list[Comparison] = []
    for each in _recorded(task):
        fixed = _without_seeds(each, task)
        if fixed is not None:
            found.append(_compared(each, task, smallest_effect, None, [fixed]))
            continue
        scored = [
            (configuration, scores)
            for configuration in task.configurations
            if configuration.spec.model.name == each.model
            and (scores := _scores(each, configuration))
        ]
        found += [_compared(each, task, smallest_effect, c, scores) for c, scores in scored]
        if not scored:
            found.append(_compared(each, task, smallest_effect, None, []))
    return found


def _recorded(task: TaskGroup) -> Iterable[RecordedPublished]:
    """Return the published results of all records, those of equal content once."""
    known: dict[str, RecordedPublished] = {}
    for record in task.records:
        for each in record.result.published:
            known.setdefault(each.model_dump_json(), each)
    return known.values()


def _without_seeds(each: RecordedPublished, task: TaskGroup) -> float | None:
    """Return the value of a simple method or of the optimum, which no training changes."""
    learning = task.learning
    if learning is None or each.score:
        return None
    if each.model == OPTIMUM:
        return learning.perfect
    return learning.simple_scores.get(each.model)


def _scores(each: RecordedPublished, configuration: Configuration) -> list[float]:
    if not each.score:
        return list(configuration.scores.values())
    return [
        score
        for learning in configuration.learned.values()
        if (score := learning.extra_scores.get(each.score)) is not None and math.isfinite(score)
    ]


def _compared(
    each: RecordedPublished,
    task: TaskGroup,
    smallest_effect: float,
    configuration: Configuration | None,
    scores: list[float],
) -> Comparison:
    better_if = each.direction or task.direction
    scale = abs(each.value)
    if not each.score and task.learning is not None:
        scale = abs(task.learning.perfect - task.learning.baseline)
    tolerance = smallest_effect * scale + each.rounding
    ours = None
    if scores and configuration is not None and not each.score:
        ours = configuration.score
    elif scores:
        ours = mean_interval(scores)
    best = None
    if scores and configuration is not None:
        best = max(scores) if better_if == "higher" else min(scores)
    return Comparison(
        published=each,
        configuration=configuration,
        ours=ours,
        best=best,
        better_if=better_if,
        tolerance=tolerance,
        agreement=_agreement(
            each, ours, better_if, tolerance, WIDEST * scale, seeds=configuration is not None
        ),
        differences=tuple(differences(each, configuration)),
    )


def _agreement(
    each: RecordedPublished,
    ours: Estimate | None,
    better_if: str,
    tolerance: float,
    widest: float,
    *,
    seeds: bool,
) -> Agreement:
    if ours is None:
        return "no trial"
    low, high = ours.low, ours.high
    if low is None or high is None:
        if seeds:
            return "one seed"
        low = high = ours.value
    if each.bound != "=":
        below = each.bound == "<"
        if (high < each.value) if below else (low > each.value):
            return "bound holds"
        outside = low >= each.value if below else high <= each.value
        return "bound does not hold" if outside else "undecided"
    if low - tolerance <= each.value <= high + tolerance:
        return "undecided" if high - low > 2 * widest else "reproduced"
    return "better" if (low > each.value) == (better_if == "higher") else "worse"
