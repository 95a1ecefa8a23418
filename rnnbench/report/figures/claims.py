"""A claim's figure: every measurement above, and the effect against the decision rule below."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import EngFormatter

from rnnbench.analysis.claims.decision import Interval, interval
from rnnbench.analysis.claims.judged import JudgedClaim
from rnnbench.analysis.claims.words import effect_text, sentence
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.claims.effects import Estimate, Slope
from rnnbench.claims.measures import Measure
from rnnbench.claims.rules import Above, Below, Between, Rule
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import FAINT, INK, render_figure, use_log

_COLOURS = {"supported": "#0173b2", "contradicted": "#d55e00", "undecided": "#949494"}
_HOLDS = "#dcefe3"
"""Colour of the effects with which a claim holds."""
_LOG_FROM = 20.0
"""Ratio of the largest to the smallest value from which the axis is logarithmic."""
_WIDTH = 5.8
_EFFECT_HEIGHT = 1.0
_LETTERS: dict[Literal["x", "y"], int] = {"x": 54, "y": 26}
"""Letters of the longest line beside an axis."""
_TITLE_LETTERS = 58


@dataclass(frozen=True)
class _Measured:
    """The measurements of a group, and the interval of their mean."""

    name: str
    values: Sequence[float]
    mean: float
    interval: Interval | None


def claim_figure(judged: JudgedClaim, name: str) -> Figure | None:
    """Draw the measurements of a claim and its effect; ``None`` where there are none."""
    figure = drawn(judged)
    if figure is None:
        return None
    claim = judged.claim
    points = (
        "Each point is the median over the processes that timed a trial, each bar its"
        if claim.measure.of_speed
        else "Each point is one trial, each bar the mean of a group with its"
    )
    caption = (
        f"{claim.statement} {points} {LEVEL:.0%} interval. The effect is below; the claim holds in "
        "the shaded range. "
        f"Verdict: {sentence(judged)} The interval is at {LEVEL:.0%} for this claim alone."
    )
    if isinstance(claim.effect, Slope):
        caption += " The line has the slope of the effect, the dashed ones those of the rule."
    alt = f"{claim.measure.name} of {', '.join(claim.effect.groups)}; effect {effect_text(judged)}"
    return render_figure(figure, name, claim.name, caption, alt)


def drawn(judged: JudgedClaim) -> matplotlib.figure.Figure | None:
    """Return the figure of a claim, with its effect where there is one."""
    claim = judged.claim
    groups = [_measured(judged, group) for group in claim.effect.groups]
    values = [value for group in groups for value in group.values]
    if not values:
        return None
    sloped = isinstance(claim.effect, Slope)
    height = 2.9 if sloped else max(1.6, 0.36 * len(groups) + 0.9)
    known = judged.estimate is not None and math.isfinite(judged.estimate.effect)
    figure, above, below = _axes(height, known)
    longest = 0 if sloped else max(len(group.name) for group in groups)
    colour = _COLOURS[judged.verdict]
    if isinstance(claim.effect, Slope):
        _draw_slope(above, claim.effect, groups, judged, colour)
    else:
        _draw_groups(above, groups, colour)
    _scale_measurements(above, "y" if sloped else "x", values, claim.measure)
    if below is not None and judged.estimate is not None:
        _draw_effect(below, judged.estimate, judged.interval, claim.rule, colour)
        below.set_xlabel(_label(claim.effect.unit, "x", longest))
    figure.suptitle(
        textwrap.fill(figure_text(f"{claim.name}: {judged.verdict}", 100), _TITLE_LETTERS),
        x=0.01,
        horizontalalignment="left",
        fontsize="medium",
        fontweight="bold",
        color=colour,
    )
    return figure


def _axes(height: float, effect: bool) -> tuple[matplotlib.figure.Figure, Axes, Axes | None]:
    total = height + (_EFFECT_HEIGHT if effect else 0.0)
    figure = matplotlib.figure.Figure(figsize=(_WIDTH, total))
    FigureCanvasAgg(figure)
    if not effect:
        return figure, figure.subplots(), None
    above, below = figure.subplots(2, 1, height_ratios=(height, _EFFECT_HEIGHT))
    return figure, above, below


def _measured(judged: JudgedClaim, group: str) -> _Measured:
    """Return a group in its own unit; its mean is geometric where logarithms are averaged."""
    values = [value for value in judged.values(group) if math.isfinite(value)]
    moments, measure = judged.moments.get(group), judged.claim.measure
    if moments is None:
        return _Measured(group, values, sum(values) / len(values) if values else math.nan, None)
    logarithms = measure.logarithmic or judged.claim.effect.scale == "log"
    estimate = Estimate(
        moments.mean,
        moments.error,
        moments.freedom,
        "log" if logarithms else "identity",
        moments.count,
    )
    found = interval(estimate) if math.isfinite(moments.error) else None
    if found is not None and measure.binary:
        found = Interval(max(0.0, found.low), min(1.0, found.high))
    return _Measured(group, values, estimate.effect, found)


def _draw_groups(axes: Axes, groups: Sequence[_Measured], colour: str) -> None:
    for place, group in enumerate(groups):
        count = len(group.values)
        # apart from each other by their order, so that equal values can be counted
        spread = [place + 0.3 * ((n + 0.5) / count - 0.5) for n in range(count)]
        _points(axes, group.values, spread, colour)
        axes.plot([group.mean] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=1.6)
        if group.interval is not None:
            axes.plot([group.interval.low, group.interval.high], [place] * 2, color=INK)
    axes.set_yticks(range(len(groups)), [figure_text(group.name, 40) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _draw_slope(
    axes: Axes, effect: Slope, groups: Sequence[_Measured], judged: JudgedClaim, colour: str
) -> None:
    """Draw measurements over the numbers of the groups, with the fitted line through their mean."""
    places = effect.places
    for group in groups:
        _points(axes, [places[group.name]] * len(group.values), group.values, colour)
        if group.interval is not None:
            x, ends = places[group.name], (group.interval.low, group.interval.high)
            axes.plot([x, x], ends, color=INK)
    if judged.estimate is not None:
        _draw_lines(axes, effect, {name: m.mean for name, m in judged.moments.items()}, judged)
    least, most = min(places.values()), max(places.values())
    if effect.of_logs:
        use_log(axes, "x", least, most)
    axes.set_xlabel(_label(effect.over, "x"))


def _draw_lines(axes: Axes, effect: Slope, means: Mapping[str, float], judged: JudgedClaim) -> None:
    x = {n: math.log(value) if effect.of_logs else value for n, value in effect.places.items()}
    centre_x, centre_y = sum(x.values()) / len(x), sum(means[name] for name in x) / len(x)
    steps = np.linspace(min(x.values()), max(x.values()), 50)
    shown = np.exp(steps) if effect.of_logs else steps

    def line(slope: float, **style: object) -> None:
        y = centre_y + slope * (steps - centre_x)
        shown_y = np.exp(y) if judged.claim.measure.logarithmic else y
        axes.plot(shown, shown_y, zorder=1, **style)  # type: ignore[arg-type]

    for bound in _bounds(judged.claim.rule):
        line(bound, color=FAINT, linestyle=(0, (3, 2)), linewidth=1.0)
    assert judged.estimate is not None
    line(judged.estimate.effect, color=INK, linewidth=1.2)


def _draw_effect(
    axes: Axes, estimate: Estimate, found: Interval | None, rule: Rule, colour: str
) -> None:
    bounds = _bounds(rule)
    ends = [estimate.effect, *bounds]
    if found is not None:
        ends += [end for end in (found.low, found.high) if math.isfinite(end)]
    margin = 0.08 * (max(ends) - min(ends)) or 0.08 * abs(estimate.effect) or 1.0
    low, high = min(ends) - margin, max(ends) + margin
    first = bounds[0] if isinstance(rule, Above | Between) else low
    last = bounds[-1] if isinstance(rule, Below | Between) else high
    axes.axvspan(first, last, color=_HOLDS, zorder=0, linewidth=0)
    for bound in bounds:
        axes.axvline(bound, color=FAINT, linewidth=1.0, linestyle=(0, (3, 2)))
    if found is not None and found.low < found.high:
        axes.plot([max(low, found.low), min(high, found.high)], [0, 0], color=colour, linewidth=2)
    axes.plot([estimate.effect], [0], "D", color=colour, markersize=6)
    axes.set_xlim(low, high)
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.set_ylim(-1, 1)
    axes.set_yticks([0], ["effect"])
    axes.grid(visible=False, axis="y")


def _bounds(rule: Rule) -> tuple[float, ...]:
    return (rule.low, rule.high) if isinstance(rule, Between) else (rule.bound,)


def _points(axes: Axes, x: Sequence[float], y: Sequence[float], colour: str) -> None:
    axes.plot(x, y, "o", color=colour, alpha=0.6, markersize=5, markeredgewidth=0)


def _scale_measurements(
    axes: Axes, which: Literal["x", "y"], values: Sequence[float], measure: Measure
) -> None:
    """Label the axis of the measurements and choose its scale."""
    low, high = min(values), max(values)
    # beside a slope the scale is that of the effect, on which the line is straight
    wanted = measure.logarithmic if which == "y" else high > _LOG_FROM * low
    if low > 0 and wanted:
        use_log(axes, which, low, high)
    if measure.si_unit:
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_formatter(EngFormatter(measure.si_unit))
    axes.set(**{f"{which}label": _label(measure.name, which)})


def _label(text: str, which: Literal["x", "y"], beside: int = 0) -> str:
    """Return a text in lines that fit an axis; ``beside``: letters of names to its left."""
    letters = max(24, _LETTERS[which] - max(0, beside - 8))
    return "\n".join(textwrap.wrap(figure_text(text, 200), letters))
