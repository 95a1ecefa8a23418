"""The measurements of each claim, group by group, with the mean of each group."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from rnnbench.analysis.claims.judged import JudgedClaim
from rnnbench.analysis.claims.words import effect_text, sentence
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import INK, panels, render_figure, use_log

_COLOURS = {"supported": "#0173b2", "contradicted": "#d55e00", "undecided": "#949494"}
_LOG_FROM = 20.0
"""Ratio of the largest to the smallest value from which the axis is logarithmic."""


def claim_figure(judged: JudgedClaim, name: str) -> Figure | None:
    """Draw every measurement of a claim with the means; ``None`` where there is none."""
    claim = judged.claim
    groups = {group: judged.values(group) for group in claim.effect.groups}
    values = [value for each in groups.values() for value in each if math.isfinite(value)]
    if not values:
        return None
    figure, [[axes]] = panels(1, height=max(2.2, 0.42 * len(groups) + 1.2))
    colour = _COLOURS[judged.verdict]
    places = range(len(groups))
    for place, (group, found) in zip(places, groups.items(), strict=True):
        _draw(axes, place, [value for value in found if math.isfinite(value)], colour)
        del group
    if min(values) > 0 and max(values) / min(values) > _LOG_FROM:
        use_log(axes, "x", min(values), max(values))
    axes.set_yticks(list(places), [figure_text(group, 40) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(figure_text(claim.measure.name))
    axes.set_title(figure_text(f"{claim.name}: {judged.verdict}", 80), color=colour)
    caption = (
        f"{claim.statement} Each point is one trial, each line the mean of a group. "
        f"Verdict: {sentence(judged)} The interval is at {LEVEL:.0%} for this claim alone."
    )
    alt = f"{claim.measure.name} of {', '.join(groups)}; effect {effect_text(judged)}"
    return render_figure(figure, name, claim.name, caption, alt)


def _draw(axes: Axes, place: int, values: list[float], colour: str) -> None:
    if not values:
        return
    # apart from each other by their order, so that equal values can be counted
    spread = [place + 0.24 * ((n + 0.5) / len(values) - 0.5) for n in range(len(values))]
    axes.plot(values, spread, "o", color=colour, alpha=0.6, markersize=5, markeredgewidth=0)
    centre = sum(values) / len(values)
    axes.plot([centre, centre], [place - 0.3, place + 0.3], color=INK, linewidth=1.6)
