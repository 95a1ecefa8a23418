"""The figure of a claim: its measurements, its effect, and the range in which it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rnnbench.analysis.claims.judged import JudgedClaim, judge
from rnnbench.claims import (
    Above,
    Below,
    Between,
    Claim,
    Group,
    Rule,
    Skill,
    SpeedRatio,
    StepTime,
    mean,
    slope,
)
from rnnbench.claims.planned import Planned, PlannedClaim
from rnnbench.records.result import Record
from rnnbench.report.figures.claims import claim_figure, drawn
from rnnbench.testing.claim.records import blank
from tests.support.claims import CLAIM
from tests.support.factory import trial_spec

SIZES = (32, 64, 128)


def judged(claim: Claim, found: Sequence[Record]) -> JudgedClaim:
    trials = tuple(Planned(record.spec, None) for record in found)
    (one,) = judge([PlannedClaim(claim, trials)], found)
    return one


def skills(values: Sequence[float], model: str, hidden_size: int = 64) -> list[Record]:
    return [
        Skill().write(blank(trial_spec(model=model, seed=seed, hidden_size=hidden_size)), skill)
        for seed, skill in enumerate(values)
    ]


def panels(one: JudgedClaim) -> list[Axes]:
    figure = drawn(one)
    assert figure is not None
    return figure.axes


def points_of(line: Line2D) -> tuple[list[float], list[float]]:
    x, y = np.asarray(line.get_xydata(), dtype=float).T
    return x.tolist(), y.tolist()


@pytest.mark.parametrize(
    ("rule", "holds"),
    [(Above(0.5), True), (Above(0.7), False), (Below(0.7), True), (Between(0.5, 0.7), True)],
)
def test_the_effect_is_in_the_shaded_range_where_the_claim_holds(rule: Rule, holds: bool) -> None:
    found = [*skills([0.81, 0.84, 0.80], "lstm"), *skills([0.21, 0.25, 0.19], "rnn")]
    one = judged(replace(CLAIM, rule=rule), found)
    above, below = panels(one)
    (shaded,) = below.patches
    box = shaded.get_extents().transformed(below.transData.inverted())
    assert one.estimate is not None
    assert bool(box.x0 < one.estimate.effect < box.x1) is holds
    assert one.estimate.effect in [points_of(line)[0][0] for line in below.lines]
    # every trial is a point
    assert sorted(x for line in above.lines[::3] for x in points_of(line)[0]) == sorted(
        [0.81, 0.84, 0.80, 0.21, 0.25, 0.19]
    )


def test_a_slope_is_drawn_with_its_line_and_those_of_the_rule() -> None:
    groups = {str(size): Group(f"lstm[hidden_size={size}]") for size in SIZES}
    claim = replace(
        CLAIM,
        groups=groups,
        measure=StepTime("train"),
        effect=slope({str(size): size for size in SIZES}, "exponent", over="units", of_logs=True),
        rule=Between(1.5, 2.5),
    )
    found = [
        StepTime("train").write(
            blank(trial_spec(model="lstm", seed=0, hidden_size=size)), 1e-6 * size**2
        )
        for size in SIZES
    ]
    one = judged(claim, found)
    above, _ = panels(one)
    assert (above.get_xscale(), above.get_yscale()) == ("log", "log")
    assert above.get_xlabel() == "units"
    drawn_slopes = []
    for line in above.lines:
        x, y = np.log(points_of(line))
        if len(x) > 2:
            drawn_slopes.append((y[-1] - y[0]) / (x[-1] - x[0]))
    assert drawn_slopes == pytest.approx([1.5, 2.5, 2.0])


def test_a_claim_without_an_effect_shows_its_measurements_and_without_them_nothing() -> None:
    one = judged(CLAIM, skills([0.8, 0.9], "lstm"))
    assert one.missing
    assert len(panels(one)) == 1
    assert claim_figure(judged(CLAIM, []), "none") is None


def test_a_timing_has_the_interval_over_its_processes() -> None:
    claim = replace(
        CLAIM, measure=SpeedRatio("train"), effect=mean("lstm", "ratio"), rule=Above(0.5)
    )
    record = SpeedRatio("train").write(blank(trial_spec(model="lstm", seed=0)), 2.0)
    one = judged(claim, [record])
    above, _ = panels(one)
    points, centre, bar = above.lines
    assert points_of(points)[0] == points_of(centre)[0][:1]
    low, high = points_of(bar)[0]
    assert low < 2.0 < high
    figure = claim_figure(one, "claim")
    assert figure is not None
    assert claim.statement in figure.caption
    assert b"<svg" in figure.svg
