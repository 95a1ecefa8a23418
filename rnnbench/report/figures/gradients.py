"""Gradient profiles at initialisation and after training, and influence profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.gradients import influences, mean_matrix
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.statistics.intervals import Floats
from rnnbench.records.gradient import FIRST_FITTED_LAG, Influence, Profile
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import (
    INK,
    MOST_DRAWN,
    Style,
    left_out,
    legend,
    panels,
    render_figure,
    thinned,
    use_log,
)

_MOST_DECADES = 14
_MOST_SEED_LINES = 5
_MOST_MATRICES = 6
_MOST_NUMBERS = 100
"""Cells of a matrix that are labelled with their values."""
_WHEN = (("init", "at initialisation"), ("trained", "after training"))


def gradient_profiles(
    task: TaskGroup, styles: Mapping[str, Style], of: Literal["input", "state"], name: str
) -> Figure | None:
    """Draw G(k) over the lag: geometric mean over seeds, thin lines for seeds, dotted fits."""
    profiled = [
        c for c in task.configurations if any(p.of == of for g in c.gradients for p in g.profiles)
    ]
    drawn = profiled[:MOST_DRAWN]
    directions = [
        d
        for d in ("past", "future")
        if any(c.profiles(of, when, d) for c in drawn for when, _ in _WHEN)
    ]
    if not directions:
        return None
    figure, rows = panels(2, len(directions), height=3.5, share_y=True)
    for row, direction in zip(rows, directions, strict=True):
        tops: list[float] = []
        lows: list[float] = []
        for axes, (when, words) in zip(row, _WHEN, strict=True):
            for configuration in drawn:
                found = configuration.profiles(of, when, direction)
                if found:
                    mean = _draw(axes, found, styles[configuration.label])
                    tops.append(float(np.max(mean, initial=0.0)))
                    lows.append(float(np.min(mean[mean > 0], initial=np.inf)))
            axes.set_title(
                words if direction == "past" else f"{words}, towards the future", color=INK
            )
            axes.set_xlabel("lag k in time steps")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        _use_log_axis(row, max(tops, default=0.0), min(lows, default=np.inf))
        row[0].set_ylabel("G(k)" if of == "input" else "G(k) of the full state")
    fit = Line2D([], [], color=INK, linestyle=":", linewidth=1.4, label="fitted slope")
    legend(figure, [(c.label, styles[c.label]) for c in drawn], [fit])
    what = (
        "the encoder's output k steps away" if of == "input" else "the full state k steps earlier"
    )
    caption = (
        f"Expected norm of the gradient of the output with respect to {what} (float64): "
        "geometric mean over seeds, with each seed thin where they are few; "
        f"dotted, the slope fitted from lag {FIRST_FITTED_LAG} on"
        + (" at initialisation." if of == "input" else ".")
        + (
            " Models that look ahead are measured from the middle step, in both directions."
            if len(directions) > 1
            else ""
        )
        + left_out(len(drawn), len(profiled))
    )
    title = "Gradient reach" if of == "input" else "Gradient reach through the state"
    return render_figure(
        figure, name, title, caption, f"{title}: profiles of {', '.join(c.label for c in drawn)}"
    )


def influence_profiles(task: TaskGroup, styles: Mapping[str, Style], name: str) -> Figure | None:
    """Draw the gradient and the influence after training over the lag, side by side.

    The gradient is relative to its maximum, so that both panels show how much remains. Models that
    look ahead are left out of the gradient panel, which is measured at another step for them.
    """
    measured = [c for c in task.configurations if influences(c)]
    drawn = measured[:MOST_DRAWN]
    if not drawn:
        return None
    figure, ((left, right),) = panels(2, 1, height=3.5)
    lows = []
    for configuration in drawn:
        style = styles[configuration.label]
        gradients = configuration.profiles("input", "trained")
        if gradients and configuration.spec.model.causal:
            relative = [_relative(profile) for profile in gradients]
            lows.append(_draw_line(left, _by_lag(relative), style))
        _draw_line(right, _by_lag([_values_by_lag(e) for e in influences(configuration)]), style)
    for axes, title in ((left, "gradient at the input"), (right, "influence of the input")):
        axes.set_title(f"{title}, after training", color=INK)
        axes.set_xlabel("lag k in time steps")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    bottom = max(min(lows, default=1e-3) / 2, 10.0**-_MOST_DECADES)
    use_log(left, "y", bottom, 1.0)
    left.set_ylim(bottom, 2)
    left.set_ylabel("G(k) / max G")
    measure = influences(drawn[0])[0].measure
    right.set_ylabel("absolute change / scale" if measure == "absolute change" else measure)
    top = 1.05 * max(float(right.dataLim.y1), 0.1)
    right.set_ylim(-0.02 * top, top)
    floor = max(each.floor for c in drawn for each in influences(c))
    right.axhline(floor, color=INK, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    line = Line2D([], [], color=INK, linestyle=(0, (2, 2)), linewidth=0.9, label="floor")
    legend(figure, [(c.label, styles[c.label]) for c in drawn], [line])
    caption = (
        "Left: the gradient, which a saturated unit that holds its value does not pass on. Right: "
        "the change of the output when the input k steps before it is replaced by another one of "
        "the data. Means over seeds." + left_out(len(drawn), len(measured))
    )
    names = ", ".join(c.label for c in drawn)
    return render_figure(figure, name, "Influence", caption, f"Influence profiles of {names}")


def influence_matrices(task: TaskGroup, styles: Mapping[str, Style], name: str) -> Figure | None:
    """Draw the influence of each needed input on each output that needs one, a panel per model."""
    del styles
    found = [
        (c.label, matrix)
        for c in task.configurations
        if (matrix := np.array(mean_matrix(influences(c)))).size
    ]
    drawn = found[:_MOST_MATRICES]
    if not drawn:
        return None
    columns = min(3, len(drawn))
    figure, grid = panels(columns, -(-len(drawn) // columns), height=2.9)
    figure.set_size_inches(1.2 + 2.9 * columns, figure.get_size_inches()[1])
    places = [axes for row in grid for axes in row]
    for axes, (label, matrix) in zip(places, drawn, strict=False):
        image = axes.imshow(
            np.ma.masked_invalid(matrix), cmap="viridis", vmin=0, vmax=max(1, np.nanmax(matrix))
        )
        axes.set_title(figure_text(label, 30), color=INK)
        axes.set_xlabel("output that needs an input")
        axes.set_ylabel("needed input")
        axes.grid(visible=False)
        for which, count in ((axes.xaxis, matrix.shape[1]), (axes.yaxis, matrix.shape[0])):
            places_of_ticks = thinned(count, 8)
            which.set_ticks(places_of_ticks, [str(place + 1) for place in places_of_ticks])
        if matrix.size <= _MOST_NUMBERS:
            for (row, column), value in np.ndenumerate(matrix):
                axes.text(
                    column,
                    row,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    fontsize="x-small",
                    color="white" if value < 0.6 else "black",
                )
    for axes in places[len(drawn) :]:
        axes.remove()
    figure.colorbar(image, ax=places[: len(drawn)], shrink=0.8)
    caption = (
        "Influence after training of each input that the task needs (rows, in order of time) on "
        "each output that needs one (columns): the change of the output when the input is replaced "
        "by a different one of the data, at most 1 for distributions. Means over seeds."
        + (f" {len(drawn)} of {len(found)} configurations." if len(found) > len(drawn) else "")
    )
    title = "Influence of the needed inputs"
    return render_figure(
        figure, name, title, caption, f"{title} for {', '.join(label for label, _ in drawn)}"
    )


def _values_by_lag(influence: Influence) -> dict[int, float]:
    return dict(zip(influence.lags, influence.values, strict=True))


def _relative(profile: Profile) -> dict[int, float]:
    """Return G(k) over its maximum by lag, finite values only."""
    known = {k: g for k, g in zip(profile.lags, profile.values, strict=True) if np.isfinite(g)}
    top = max(known.values(), default=0.0)
    return {k: g / top for k, g in known.items()} if top > 0 else {}


def _by_lag(found: Sequence[Mapping[int, float]]) -> list[tuple[int, float]]:
    """Return (lag, mean over seeds) of the lags that any seed has."""
    lags = sorted({lag for each in found for lag in each})
    return [(lag, float(np.mean([each[lag] for each in found if lag in each]))) for lag in lags]


def _draw_line(axes: Axes, points: Sequence[tuple[int, float]], style: Style) -> float:
    """Draw points; return the smallest positive value."""
    keep = [points[int(i)] for i in thinned(len(points), 150)] if points else []
    axes.plot(
        [lag for lag, _ in keep],
        [value for _, value in keep],
        color=style.colour,
        linestyle=style.dashes,
        linewidth=2,
        marker=style.marker,
        markersize=4,
        markevery=max(1, len(keep) // 8),
    )
    return min((value for _, value in keep if value > 0), default=1.0)


def _draw(axes: Axes, found: Sequence[Profile], style: Style) -> Floats:
    length = min(len(profile.values) for profile in found)
    lags = np.array(found[0].lags[:length], dtype=np.float64)
    values = np.array([profile.values[:length] for profile in found])
    values = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.exp(np.log(values).mean(axis=0))
    keep = thinned(length, 150)
    if 1 < len(values) <= _MOST_SEED_LINES:
        for seed in values:
            axes.plot(lags[keep], seed[keep], color=style.colour, linewidth=0.7, alpha=0.35)
    axes.plot(
        lags[keep],
        mean[keep],
        color=style.colour,
        linestyle=style.dashes,
        linewidth=2,
        marker=style.marker,
        markersize=4,
        markevery=max(1, len(keep) // 8),
    )
    slopes = [
        profile.slope
        for profile in found
        if profile.slope is not None and np.isfinite(profile.slope)
    ]
    fitted = np.isfinite(mean) & (lags >= FIRST_FITTED_LAG)
    if slopes and fitted.sum() >= 2:
        slope = median(slopes)
        # The least-squares intercept, given the slope.
        offset = np.mean(np.log(mean[fitted]) - slope * lags[fitted])
        ends = lags[fitted][[0, -1]]
        axes.plot(
            ends,
            np.exp(np.clip(offset + slope * ends, -700, 700)),
            color=INK,
            linestyle=":",
            linewidth=1.3,
            zorder=4,
        )
    return np.nan_to_num(mean)


def _use_log_axis(row: Sequence[Axes], top: float, low: float) -> None:
    if top > 0:
        bottom = max(low / 2, top * 10.0**-_MOST_DECADES)
        for axes in row:
            use_log(axes, "y", bottom, top)
        row[0].set_ylim(bottom, top * 2)
