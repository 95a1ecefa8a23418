"""The plots that tasks and models left in their records, e.g. forecasts or attention weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import matplotlib as mpl
import matplotlib.figure
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.records.plots import HeatmapPlot, LinePlot, Plot
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import INK, Style, panels, render_figure, thinned

_MOST_PANELS = 6
_MOST_FIGURES = 6
_MOST_LINES = 6
_MOST_CELLS = 200
_BACKGROUND_NAMES = {"truth", "target", "chance", "baseline", "persistence"}
"""Usual names of lines that are no model's: a single plot has no other to compare it with."""
_GREYS = (INK, "#8a919b", "#b9bec5", "#6f6a5e", "#a59a86", "#c9c2b4")
_DASHES = ("-", "--", ":", "-.", "-", "--")


def recorded_plots(task: TaskGroup, styles: Mapping[str, Style], name: str) -> list[Figure]:
    """Draw the plots of each configuration's first seed; plots of one title share a figure."""
    by_title: dict[tuple[str, str], list[tuple[Configuration, Plot]]] = defaultdict(list)
    for configuration in task.configurations:
        of_seeds = (record.result.plots for record in configuration.records)
        for plot in next(filter(None, of_seeds), ()):
            by_title[plot.kind, plot.title].append((configuration, plot))
    found = list(by_title.items())[:_MOST_FIGURES]
    return [
        _rendered(title, [(c.label, plot) for c, plot in entries], task, styles, f"{name}-{index}")
        for index, ((_, title), entries) in enumerate(found, start=1)
    ]


def _rendered(
    title: str,
    entries: Sequence[tuple[str, Plot]],
    task: TaskGroup,
    styles: Mapping[str, Style],
    name: str,
) -> Figure:
    shown = entries[:_MOST_PANELS]
    simple = () if task.learning is None else task.learning.simple_scores
    figure = draw_plots(shown, styles, {*_BACKGROUND_NAMES, *simple})
    more = f" {len(shown)} of {len(entries)} configurations." if len(entries) > len(shown) else ""
    caption = f"Of the first seed of each configuration, best checkpoint, on test data.{more}"
    labels = dict.fromkeys(label for label, _ in shown)
    return render_figure(figure, name, title, caption, f"{title} for {', '.join(labels)}")


def draw_plots(
    plots: Sequence[tuple[str, Plot]],
    styles: Mapping[str, Style],
    background_names: Collection[str] = _BACKGROUND_NAMES,
) -> mpl.figure.Figure:
    """Draw one panel for each (configuration label, plot), with one legend for all.

    Args:
        plots: of one kind.
        styles: by configuration label.
        background_names: names of lines that are no model's, for a single plot; of several plots,
            the lines that are equal in all of them are taken instead.
    """
    columns = min(2, len(plots))
    figure, grid = panels(columns, -(-len(plots) // columns), height=2.9)
    if columns == 1:
        figure.set_size_inches(8.6, 3.4)
    background = background_lines([plot for _, plot in plots], background_names)
    places = [axes for row in grid for axes in row]
    for axes, (label, plot) in zip(places, plots, strict=False):
        axes.set_title(figure_text(label, 40), color=INK)
        axes.set_xlabel(figure_text(plot.x_label))
        axes.set_ylabel(figure_text(plot.y_label))
        if isinstance(plot, LinePlot):
            _draw_lines(axes, plot, styles[label], background)
        else:
            _draw_heatmap(axes, plot)
    for axes in places[len(plots) :]:
        axes.remove()
    if all(isinstance(plot, LinePlot) for _, plot in plots):
        limits = [limit for axes in places[: len(plots)] for limit in axes.get_ylim()]
        for axes in places[: len(plots)]:
            axes.set_ylim(min(limits), max(limits))
        _draw_legend(figure, places[: len(plots)])
    return figure


def background_lines(plots: Sequence[Plot], background_names: Collection[str]) -> set[str]:
    """Return the names of the lines that are no model's; they are drawn in grey.

    They are the lines that are equal in every plot; of a single plot, those in
    ``background_names``.
    """
    lines = [plot.lines for plot in plots if isinstance(plot, LinePlot)]
    if len(lines) > 1:
        first, *others = lines
        return {name for name in first if all(each.get(name) == first[name] for each in others)}
    return {name for each in lines for name in each if {name, name.lower()} & {*background_names}}


def _draw_lines(axes: Axes, plot: LinePlot, style: Style, background: set[str]) -> None:
    greys, dashes = iter(_GREYS), iter(_DASHES)
    for label, line in list(plot.lines.items())[:_MOST_LINES]:
        length = min(len(line), len(plot.x))
        if not length:
            continue
        x = np.array(plot.x[:length])
        y = np.array(
            [np.nan if value is None else value for value in line[:length]], dtype=np.float64
        )
        keep = thinned(length, 1000)
        own = label not in background
        axes.plot(
            x[keep],
            y[keep],
            label=figure_text(label, 30),
            color=style.colour if own else next(greys),
            linewidth=1.8 if own else 1.1,
            linestyle=next(dashes) if own else "-",
            zorder=3 if own else 2,
        )
    if plot.span is not None:
        axes.axvspan(
            *plot.span,
            color="#eceae4",
            zorder=0,
            linewidth=0,
            label=figure_text(plot.span_label, 30) or None,
        )
    if all(float(value).is_integer() for value in plot.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def _draw_legend(figure: mpl.figure.Figure, places: Sequence[Axes]) -> None:
    """Put one legend for all panels below them.

    The entry of a line that each panel draws in another colour shows all of these colours.
    """
    handles: dict[str, dict[object, Artist]] = defaultdict(dict)
    for axes in places:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles[label].setdefault(
                handle.get_color() if isinstance(handle, Line2D) else None, handle
            )
    if not handles:
        return
    longest, colours = max(map(len, handles)), max(map(len, handles.values()))
    figure.legend(  # type: ignore[call-overload]  # tuples of artists, for HandlerTuple
        [tuple(each.values()) for each in handles.values()],
        list(handles),
        loc="outside lower center",
        fontsize="small",
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)},
        handlelength=2 + 1.2 * (colours - 1),
        ncols=max(1, min(len(handles), 120 // (longest + 8))),
    )


def _draw_heatmap(axes: Axes, plot: HeatmapPlot) -> None:
    width = max((len(row) for row in plot.values), default=0)
    if not width:
        return
    matrix = np.full((len(plot.values), width), np.nan)
    for index, row in enumerate(plot.values):
        matrix[index, : len(row)] = row
    rows, columns = thinned(matrix.shape[0], _MOST_CELLS), thinned(width, _MOST_CELLS)
    matrix = matrix[np.ix_(rows, columns)]
    image = axes.imshow(
        np.ma.masked_invalid(matrix),
        aspect="auto",
        cmap="viridis",
        interpolation="nearest",
        extent=(-0.5, width - 0.5, len(plot.values) - 0.5, -0.5),
    )
    axes.grid(visible=False)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(image, ax=axes, shrink=0.9)
