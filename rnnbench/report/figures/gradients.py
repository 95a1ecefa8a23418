"""Gradient profiles at initialisation and after training, with fitted slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.intervals import Floats
from rnnbench.records.result import FIRST_FITTED_LAG, Profile
from rnnbench.report.blocks import Figure
from rnnbench.report.figures.style import (
    INK,
    MOST_DRAWN,
    Style,
    legend,
    panels,
    render_figure,
    thinned,
    use_log,
)

_MOST_DECADES = 14
_MOST_SEED_LINES = 5
_WHEN = (("init", "at initialisation"), ("trained", "after training"))


def gradient_profiles(
    task: TaskGroup, styles: Mapping[str, Style], of: Literal["input", "state"], name: str
) -> Figure | None:
    """Draw G(k) over the lag: geometric mean over seeds, thin lines for seeds, dotted fits."""
    drawn = [
        c for c in task.configurations if any(p.of == of for g in c.gradients for p in g.profiles)
    ][:MOST_DRAWN]
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
        f"dotted, the slope fitted from lag {FIRST_FITTED_LAG} on."
        + (
            " Models that look ahead are measured from the middle step, in both directions."
            if len(directions) > 1
            else ""
        )
    )
    title = "Gradient reach" if of == "input" else "Gradient reach through the state"
    return render_figure(
        figure, name, title, caption, f"{title}: profiles of {', '.join(c.label for c in drawn)}"
    )


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
