"""Gradients through training: G(k) by lag and optimizer step, and the norm before clipping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.lines import Line2D

from rnnbench.analysis.gradient_history import LagMap, Seed, lag_map, median_norms, seeds_of
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.statistics.intervals import Floats
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import INK, Style, panels, render_figure, use_log

MOST_PANELS = 12
MOST_DIVERGED = 4
"""Panels kept for configurations with diverged trials, whose scores would leave them out."""
_DECADES = 8
"""Decades below the largest G(k) that colours distinguish: float32 holds no more at once."""


def gradient_histories(
    task: TaskGroup, styles: Mapping[str, Style], name: str
) -> list[Figure] | None:
    """Draw the heat maps of G(k) and, below them, the norms; a panel per configuration each.

    Args:
        task: the task.
        styles: styles by label.
        name: begins the names of the figures.
    """
    tracked = {c.label: seeds for c in task.configurations if (seeds := seeds_of(c))}
    drawn = chosen([c for c in task.configurations if c.label in tracked])
    if not drawn:
        return None
    which = _which(len(drawn), len(tracked))
    by_lag = _map_figure({c.label: tracked[c.label] for c in drawn}, which, f"{name}-by-lag")
    norms = _norm_figure(drawn, tracked, styles, which, f"{name}-norm")
    return [figure for figure in (by_lag, norms) if figure is not None]


def chosen(configurations: Sequence[Configuration]) -> list[Configuration]:
    """Return at most :data:`MOST_PANELS` configurations, in the order given (best first).

    Those with diverged trials come before the others, up to :data:`MOST_DIVERGED` of them.
    """
    diverged = [c for c in configurations if c.diverged][:MOST_DIVERGED]
    others = [c for c in configurations if c not in diverged]
    kept = {c.label for c in (*diverged, *others[: MOST_PANELS - len(diverged)])}
    return [c for c in configurations if c.label in kept]


def _which(drawn: int, found: int) -> str:
    if found <= drawn:
        return ""
    return (
        f" {drawn} of {found} configurations: up to {MOST_DIVERGED} with diverged trials, then "
        "the best."
    )


def _map_figure(tracked: Mapping[str, Sequence[Seed]], which: str, name: str) -> Figure | None:
    found: list[tuple[str, LagMap]] = []
    for label, seeds in tracked.items():
        past = lag_map(seeds, lambda point: point.past)
        future = lag_map(seeds, lambda point: point.future)
        found += [(label, past)] if past else []
        found += [(f"{label}, future", future)] if future else []
    finite = _positive(np.concatenate([each.values.ravel() for _, each in found] or [np.empty(0)]))
    if not finite.size:
        return None
    top = float(np.ceil(np.log10(np.max(finite))))
    bottom = max(float(np.floor(np.log10(np.min(finite)))), top - _DECADES)
    figure, places = _grid(len(found))
    for axes, (label, each) in zip(places, found, strict=False):
        mesh = _draw_map(axes, each, bottom, max(top, bottom + 1))
        _title(axes, label)
    figure.colorbar(mesh, ax=places, label="log10 G(k)", shrink=0.8, extend="both", pad=0.01)
    for axes in places[-min(3, len(found)) :]:
        axes.set_xlabel("optimizer steps")
    count = max((each.history.sequences for seeds in tracked.values() for each in seeds), default=0)
    caption = (
        "Expected norm G(k) of the gradient of the output with respect to the encoder's output k "
        "time steps earlier, while the network is trained: logarithm to base 10, by lag and "
        f"optimizer step. {count} validation sequences, in the precision of the training; medians "
        "over seeds. Dark towards the top: the far past has no gradient (vanishing). Brighter "
        "towards the top: it grows with the lag (exploding). White: no measurement, or NaN."
        + (
            " Models that look ahead are measured from the middle step."
            if any(label.endswith(", future") for label, _ in found)
            else ""
        )
        + which
    )
    title = "Gradient by lag through training"
    return render_figure(figure, name, title, caption, f"{title}: {', '.join(tracked)}")


def _draw_map(axes: Axes, found: LagMap, bottom: float, top: float) -> QuadMesh:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(found.values)
    # a gradient that underflowed to 0 has the colour below the scale, infinity that above it
    logs = np.nan_to_num(logs, nan=np.nan, neginf=bottom - 1, posinf=top + 1)
    heights = np.log10(np.array(found.lags) + 1.0)
    mesh = axes.pcolormesh(
        _edges(np.array(found.steps, dtype=np.float64)),
        _edges(heights),
        np.ma.masked_invalid(logs),
        cmap="viridis",
        vmin=bottom,
        vmax=top,
        rasterized=True,
    )
    axes.grid(visible=False)
    ticks = _spaced(heights, 0.055 * max(float(np.ptp(heights)), 1e-9))
    axes.set_yticks(heights[ticks], [str(found.lags[place]) for place in ticks])
    axes.set_ylabel("lag k (log axis)")
    return mesh


def _norm_figure(
    drawn: Sequence[Configuration],
    tracked: Mapping[str, Sequence[Seed]],
    styles: Mapping[str, Style],
    which: str,
    name: str,
) -> Figure | None:
    values = _positive(np.array([v for c in drawn for v in _norms_of(c, tracked[c.label])]))
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    figure, places = _grid(len(drawn))
    for axes, configuration in zip(places, drawn, strict=True):
        _draw_norms(axes, configuration, tracked[configuration.label], styles, overflow=2 * high)
        _title(axes, configuration.label)
        axes.set_ylabel("gradient norm")
        use_log(axes, "y", low, high)
        axes.set_ylim(low / 1.5, 3 * high)
        axes.set_xlim(left=0)
    for axes in places[-min(3, len(drawn)) :]:
        axes.set_xlabel("optimizer steps")
    figure.legend(
        handles=[
            Line2D([], [], color=INK, linewidth=2, label="median norm, median over seeds"),
            Line2D([], [], color=INK, linewidth=0.8, alpha=0.6, label="largest norm, each seed"),
            Line2D([], [], color=INK, linestyle=(0, (2, 2)), linewidth=0.9, label="clipped to"),
            Line2D([], [], color=INK, marker="x", linestyle="", label="diverged"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    caption = (
        "Norm of the whole gradient of the training loss before clipping, by optimizer step: "
        "median and largest over the steps between two validations. A norm that overflowed is at "
        "the upper edge. Dashed: the norm that gradients were clipped to; where values were "
        "clipped, or nothing was, there is no such line." + which
    )
    title = "Gradient norm through training"
    labels = ", ".join(configuration.label for configuration in drawn)
    return render_figure(figure, name, title, caption, f"{title}: {labels}")


def _norms_of(configuration: Configuration, seeds: Sequence[Seed]) -> list[float]:
    """Return what a panel has to show: norms, and the norm that gradients were clipped to."""
    shown = [norm for each in seeds for p in each.history.points for norm in (p.norm_max,) if norm]
    clip_norm = configuration.spec.settings.clip_norm
    return [*shown, *(norm for _, norm in median_norms(seeds)), *([clip_norm] if clip_norm else [])]


def _draw_norms(
    axes: Axes,
    configuration: Configuration,
    seeds: Sequence[Seed],
    styles: Mapping[str, Style],
    *,
    overflow: float,
) -> None:
    """Draw the norms of a configuration; infinite ones are drawn at ``overflow``."""
    colour = styles[configuration.label].colour
    for each in seeds:
        points = [(p.step, p.norm_max) for p in each.history.points if p.norm_max is not None]
        steps, norms = [step for step, _ in points], [min(norm, overflow) for _, norm in points]
        axes.plot(steps, norms, color=colour, linewidth=0.8, alpha=0.6)
        if each.diverged:
            axes.plot(steps[-1:], norms[-1:], color=INK, marker="x", zorder=4)
    middle = median_norms(seeds)
    axes.plot(
        [step for step, _ in middle],
        [min(norm, overflow) for _, norm in middle],
        color=colour,
        linewidth=2,
    )
    clip_norm = configuration.spec.settings.clip_norm
    if clip_norm is not None:
        axes.axhline(clip_norm, color=INK, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)


def _grid(count: int) -> tuple[mpl.figure.Figure, list[Axes]]:
    """Return a figure with that many panels, in rows of at most three."""
    columns = min(3, count)
    figure, rows = panels(columns, -(-count // columns), height=2.5)
    figure.set_size_inches(max(5.6, 3.4 * columns), figure.get_size_inches()[1])
    places = [axes for row in rows for axes in row]
    for axes in places[count:]:
        axes.remove()
    return figure, places[:count]


def _title(axes: Axes, label: str) -> None:
    axes.set_title(figure_text(label, 32), color=INK, fontsize="small")


def _positive(values: Floats) -> Floats:
    return values[np.isfinite(values) & (values > 0)]


def _edges(centres: Floats) -> Floats:
    """Return the edges of cells around ascending centres: the middles between them."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middles[0], 2 * centres[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])


def _spaced(heights: Floats, gap: float) -> list[int]:
    """Return the places of ticks, from the top down, no two closer than ``gap``."""
    kept: list[int] = []
    for place in reversed(range(len(heights))):
        if not kept or heights[kept[-1]] - heights[place] >= gap:
            kept.append(place)
    return sorted(kept)
