"""Figures of a tuning: score against each tuned setting, and best score against tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.formatting import level_text
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.statistics.expected_best import ExpectedBest
from rnnbench.analysis.tuning.recipes import TunedModel, expected_best_of
from rnnbench.analysis.tuning.studies import try_of
from rnnbench.records.space import Axis
from rnnbench.records.syntax import OptionValue, option_text
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.curves import use_score_axis
from rnnbench.report.figures.style import (
    FAINT,
    MOST_DRAWN,
    Style,
    legend,
    panels,
    render_figure,
    use_log,
)

_MOST_SETTINGS = 4
"""Settings that are drawn, in the order in which they were asked for."""


def sensitivity(
    task: TaskGroup, models: Sequence[TunedModel], styles: Mapping[str, Style], name: str
) -> Figure | None:
    """Draw the validation score of every try against each tuned setting, one panel for each."""
    drawn = _drawn(models, styles)
    axes_of = {axis.name: axis for each in drawn for axis in each.study.space}
    shown = list(axes_of.values())[:_MOST_SETTINGS]
    if not shown or not any(each.study.validated for each in drawn):
        return None
    figure, [row] = panels(len(shown), height=3.8, share_y=True)
    if len(shown) == 1:
        figure.set_size_inches(8.6, 4.3)
    alone = len(axes_of) == 1
    for panel, axis in zip(row, shown, strict=True):
        for place, each in enumerate(drawn):
            _draw_tries(panel, each, axis, styles[each.label], alone, _shift(place, drawn, axis))
        _draw_defaults(panel, axis, drawn)
        _use_axis(panel, axis)
        panel.set_xlabel(figure_text(axis.name))
    if task.learning is not None:
        use_score_axis(row[0], task)
    for panel, axis in zip(row, shown, strict=True):
        for place, each in enumerate(drawn):
            _draw_failed(panel, each, axis, styles[each.label], _shift(place, drawn, axis))
    score = drawn[0].study.score_name
    row[0].set_ylabel(f"best validation {figure_text(score)}")
    legend(figure, [(each.label, styles[each.label]) for each in drawn])
    failed = any(len(each.study.tries) > len(each.study.validated) for each in drawn)
    caption = (
        f"Best validation {score} ({drawn[0].study.direction} is better) of every try, by the "
        "value tried; ringed: the chosen one. Dotted: the default value."
        + (
            ""
            if alone
            else " The other tuned settings differ between the points of a panel as well."
        )
        + (" Crosses at the edge: tries without a score." if failed else "")
    )
    alt = f"Validation score by {', '.join(axes_of)} of {', '.join(e.label for e in drawn)}"
    return render_figure(figure, name, "Score against each tuned setting", caption, alt)


def best_by_tries(
    task: TaskGroup, models: Sequence[TunedModel], styles: Mapping[str, Style], name: str
) -> Figure | None:
    """Draw the expected best validation score against the number of tries."""
    found = [(each, expected_best_of(each.study, task)) for each in _drawn(models, styles)]
    curves = [(each, curve) for each, curve in found if isinstance(curve, ExpectedBest)]
    if not curves:
        return None
    figure, [[axes]] = panels(1, height=3.8)
    figure.set_size_inches(8.6, 4.3)
    for each, curve in curves:
        style = styles[each.label]
        axes.plot(
            curve.tries,
            curve.values,
            color=style.colour,
            marker=style.marker,
            linestyle=style.dashes,
            linewidth=2,
            markersize=4.5,
        )
        known = len(curve.low)
        axes.fill_between(
            curve.tries[:known], curve.low, curve.high, color=style.colour, alpha=0.13, linewidth=0
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("tries")
    score = curves[0][0].study.score_name
    axes.set_ylabel(f"expected best validation {figure_text(score)}")
    if task.learning is not None and task.direction == "lower":
        use_score_axis(axes, task)
    legend(figure, [(each.label, styles[each.label]) for each, _ in curves])
    caption = (
        f"Expected best validation {score} of a random search by its number of tries (unbiased, "
        "without replacement), each point from all tries of its model. Shaded: "
        f"{level_text()} interval over the choice of the tries, up to half of them; it says "
        "nothing about other seeds of the training."
    )
    alt = f"Expected best score by tries of {', '.join(each.label for each, _ in curves)}"
    return render_figure(figure, name, "Best score against tries", caption, alt)


def _drawn(models: Sequence[TunedModel], styles: Mapping[str, Style]) -> list[TunedModel]:
    return [each for each in models if each.label in styles][:MOST_DRAWN]


def _place(axis: Axis, value: OptionValue) -> float:
    """Return the place of a value: itself on a range, its position among choices."""
    if axis.is_range and isinstance(value, int | float):
        return float(value)
    return float(axis.choices.index(value))


def _shift(place: int, models: Sequence[TunedModel], axis: Axis) -> float:
    """Return the offset of a model's points, so that models stand side by side at a choice."""
    return 0.0 if axis.is_range else 0.5 * ((place + 0.5) / len(models) - 0.5)


def _draw_tries(
    panel: Axes, model: TunedModel, axis: Axis, style: Style, alone: bool, shift: float
) -> None:
    points = [
        (_place(axis, try_of(record).values[axis.name]) + shift, validated.best_score, record)
        for record in model.study.tries
        if (validated := model.study.validated.get(try_of(record).number)) is not None
        and axis.name in try_of(record).values
    ]
    if not points:
        return
    points.sort(key=lambda point: point[:2])
    x, y = [p[0] for p in points], [p[1] for p in points]
    # Between tries that differ in other settings too, a line would join unlike points.
    line = style.dashes if alone and axis.is_range else "none"
    panel.plot(
        x,
        y,
        color=style.colour,
        marker=style.marker,
        linestyle=line,
        linewidth=1.2,
        markersize=5,
        alpha=0.85,
    )
    for place, score, record in points:
        if record is model.study.best:
            panel.plot(
                [place],
                [score],
                marker="o",
                markersize=12,
                markerfacecolor="none",
                markeredgecolor=style.colour,
                markeredgewidth=1.6,
                linestyle="none",
            )


def _draw_failed(panel: Axes, model: TunedModel, axis: Axis, style: Style, shift: float) -> None:
    low, high = panel.get_ylim()
    worse = low if model.study.direction == "higher" else high
    places = [
        _place(axis, try_of(record).values[axis.name]) + shift
        for record in model.study.tries
        if try_of(record).number not in model.study.validated and axis.name in try_of(record).values
    ]
    if not places:
        # An unclipped line without points collapses the layout.
        return
    panel.plot(
        places,
        [worse] * len(places),
        color=style.colour,
        marker="x",
        linestyle="none",
        clip_on=False,
        zorder=5,
    )
    panel.set_ylim(low, high)


def _draw_defaults(panel: Axes, axis: Axis, models: Sequence[TunedModel]) -> None:
    """Draw a line at each value that a default recipe has."""
    for value in dict.fromkeys(
        {**each.default.spec.settings.model_dump(), **each.default.spec.model.options}.get(
            axis.name
        )
        for each in models
        if each.default is not None
    ):
        if value is not None and (axis.is_range or value in axis.choices):
            panel.axvline(_place(axis, value), color=FAINT, linestyle=(0, (1, 2)), zorder=1)


def _use_axis(panel: Axes, axis: Axis) -> None:
    if axis.low is None or axis.high is None:
        panel.set_xticks(
            np.arange(len(axis.choices)),
            [figure_text(option_text(value), 16) for value in axis.choices],
        )
        panel.set_xlim(-0.5, len(axis.choices) - 0.5)
        return
    low, high = float(axis.low), float(axis.high)
    if axis.log:
        use_log(panel, "x", low, high)
        room = (high / low) ** 0.04
        panel.set_xlim(low / room, high * room)
    else:
        room = 0.04 * (high - low)
        panel.set_xlim(low - room, high + room)
