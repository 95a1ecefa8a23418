"""The drawings that tasks and models left in their records: forecasts beside the truth, attention
weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.records.plots import HeatmapPlot, LinePlot, Plot
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import INK, Look, Picture, panels, picture, thinned

_MOST_PANELS = 6
_MOST_FIGURES = 6
_MOST_LINES = 6
_MOST_CELLS = 200
_REFERENCE_NAMES = {"truth", "target", "chance", "baseline", "persistence"}
_GREYS = (INK, "#8a919b", "#b9bec5", "#6f6a5e", "#a59a86", "#c9c2b4")
_DASHES = ("-", "--", ":", "-.", "-", "--")


def drawings(task: TaskGroup, looks: Mapping[str, Look], name: str) -> list[Picture]:
    """Draw what the first seed of each configuration left, drawings of one title side by side."""
    by_title: dict[tuple[str, str], list[tuple[Configuration, Plot]]] = defaultdict(list)
    for configuration in task.configurations:
        left = next(
            (record.result.drawings for record in configuration.records if record.result.drawings),
            (),
        )
        for drawing in left:
            by_title[drawing.kind, drawing.title].append((configuration, drawing))
    found = list(by_title.items())[:_MOST_FIGURES]
    return [
        _figure(title, entries, looks, f"{name}-{index}")
        for index, ((_, title), entries) in enumerate(found, start=1)
    ]


def _figure(
    title: str,
    entries: Sequence[tuple[Configuration, Plot]],
    looks: Mapping[str, Look],
    name: str,
) -> Picture:
    shown = entries[:_MOST_PANELS]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure, grid = panels(columns, rows, height=2.9)
    if columns == 1:
        figure.set_size_inches(8.6, 3.4)
    shared = references([drawing for _, drawing in shown])
    places = [axes for row in grid for axes in row]
    for axes, (configuration, drawing) in zip(places, shown, strict=False):
        axes.set_title(figure_text(configuration.label, 40), color=INK)
        axes.set_xlabel(figure_text(drawing.x_label))
        axes.set_ylabel(figure_text(drawing.y_label))
        if isinstance(drawing, LinePlot):
            _draw_lines(axes, drawing, looks[configuration.label], shared)
        else:
            _draw_heatmap(axes, drawing)
    for axes in places[len(shown) :]:
        axes.remove()
    if all(isinstance(drawing, LinePlot) for _, drawing in shown):
        limits = [limit for axes in places[: len(shown)] for limit in axes.get_ylim()]
        for axes in places[: len(shown)]:
            axes.set_ylim(min(limits), max(limits))
        _draw_legend(figure, places[: len(shown)])
    seeds = {configuration.label: configuration.records[0].spec.seed for configuration, _ in shown}
    more = f" {len(shown)} of {len(entries)} configurations." if len(entries) > len(shown) else ""
    caption = f"Of the first seed of each configuration, best checkpoint, on test data.{more}"
    return picture(figure, name, title, caption, f"{title} for {', '.join(seeds)}")


def references(drawings: Sequence[Plot]) -> set[str]:
    """Return the names of the lines that are no model's own: the same in every drawing, or called
    as such in a single one.
    """
    lines = [drawing.lines for drawing in drawings if isinstance(drawing, LinePlot)]
    if len(lines) > 1:
        return {
            name for name in lines[0] if all(each.get(name) == lines[0][name] for each in lines)
        }
    return {name for each in lines for name in each if name.lower() in _REFERENCE_NAMES}


def _draw_lines(axes: Axes, drawing: LinePlot, look: Look, references: set[str]) -> None:
    greys, dashes = iter(_GREYS), iter(_DASHES)
    for label, line in list(drawing.lines.items())[:_MOST_LINES]:
        length = min(len(line), len(drawing.x))
        if not length:
            continue
        x = np.array(drawing.x[:length])
        y = np.array(
            [np.nan if value is None else value for value in line[:length]], dtype=np.float64
        )
        keep = thinned(length, 1000)
        own = label not in references
        axes.plot(
            x[keep], y[keep], label=figure_text(label, 30), color=look.colour if own else next(greys),
            linewidth=1.8 if own else 1.1, linestyle=next(dashes) if own else "-", zorder=3 if own else 2,
        )  # fmt: skip
    if drawing.span is not None:
        axes.axvspan(
            *drawing.span,
            color="#eceae4",
            zorder=0,
            linewidth=0,
            label=figure_text(drawing.span_label, 30) or None,
        )
    if all(float(value).is_integer() for value in drawing.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def _draw_legend(figure: Figure, places: Sequence[Axes]) -> None:
    """Put one legend for all panels below them; a line that every panel draws in its own colour
    shows all of them.
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
        [tuple(each.values()) for each in handles.values()], list(handles), loc="outside lower center", fontsize="small",
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)}, handlelength=2 + 1.2 * (colours - 1),
        ncols=max(1, min(len(handles), 120 // (longest + 8))),
    )  # fmt: skip


def _draw_heatmap(axes: Axes, drawing: HeatmapPlot) -> None:
    width = max((len(row) for row in drawing.values), default=0)
    if not width:
        return
    matrix = np.full((len(drawing.values), width), np.nan)
    for index, row in enumerate(drawing.values):
        matrix[index, : len(row)] = row
    rows, columns = thinned(matrix.shape[0], _MOST_CELLS), thinned(width, _MOST_CELLS)
    matrix = matrix[np.ix_(rows, columns)]
    image = axes.imshow(
        np.ma.masked_invalid(matrix), aspect="auto", cmap="viridis", interpolation="nearest",
        extent=(-0.5, width - 0.5, len(drawing.values) - 0.5, -0.5),
    )  # fmt: skip
    axes.grid(visible=False)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(image, ax=axes, shrink=0.9)
