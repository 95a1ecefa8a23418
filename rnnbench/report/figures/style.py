"""The style of figures: one colour, marker and dash per model; files that are reproducible."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from rnnbench.analysis.formatting import counted
from rnnbench.analysis.groups import TUNED
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text

MOST_DRAWN = 10
"""Configurations per figure, best first: more than ten colours are hard to distinguish."""
INK = "#3a3f47"
FAINT = "#9aa1ab"
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_MARKER_SHIFT = 3
"""Markers that are skipped where the colours start again."""
Dashes: TypeAlias = Literal["-"] | tuple[float, Sequence[float]]
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DASHES: tuple[Dashes, ...] = ("-", (0, (5, 1)), (0, (1, 1)), (0, (4, 1, 1, 1)))


@dataclass(frozen=True)
class Style:
    """The colour, marker and dashes of one configuration in every figure."""

    colour: str
    marker: str
    dashes: Dashes


@contextmanager
def styled() -> Iterator[None]:
    """Set matplotlib's parameters for the block: seaborn's style, no mathtext, reproducible SVG."""
    with mpl.rc_context():
        seaborn_style: dict[Any, Any] = {
            **sns.axes_style("ticks"),
            **sns.plotting_context("paper", font_scale=1.15),
        }
        mpl.rcParams.update(seaborn_style)
        mpl.rcParams.update(
            {
                "axes.edgecolor": FAINT,
                "axes.grid": True,
                "axes.labelcolor": INK,
                "axes.spines.right": False,
                "axes.spines.top": False,
                "axes.titlelocation": "left",
                "axes.titlesize": "medium",
                "axes.titleweight": "bold",
                "figure.constrained_layout.use": True,
                "figure.dpi": 144,
                "figure.facecolor": "white",
                "font.family": "DejaVu Sans",
                "grid.color": "#e9ebee",
                "grid.linewidth": 0.7,
                "legend.frameon": False,
                "svg.fonttype": "path",
                "svg.hashsalt": "rnnbench",
                "text.color": INK,
                "text.parse_math": False,
                "xtick.color": FAINT,
                "xtick.labelcolor": INK,
                "ytick.color": FAINT,
                "ytick.labelcolor": INK,
            }
        )
        yield


def assign_styles(labels: Iterable[str]) -> dict[str, Style]:
    """Give each label its own style.

    The palette is safe for colour-blind readers. Where colours repeat, markers and dashes differ:
    points have no dashes, so that markers alone tell them apart. A tuned recipe has the colour and
    marker of the default one, and other dashes.
    """
    palette = sns.color_palette("colorblind").as_hex()
    listed = list(labels)
    defaults = [label for label in listed if label.removesuffix(TUNED) not in set(listed) - {label}]
    places = {label: place for place, label in enumerate(defaults)}
    found = {}
    for label in listed:
        shifted = label not in places
        place = places[label.removesuffix(TUNED) if shifted else label]
        found[label] = Style(
            palette[place % len(palette)],
            _MARKERS[(place + _MARKER_SHIFT * (place // len(palette))) % len(_MARKERS)],
            _DASHES[(place // len(palette) + shifted) % len(_DASHES)],
        )
    return found


def left_out(drawn: int, found: int) -> str:
    """Return a sentence on the configurations that a figure leaves out; empty if there are none."""
    if found <= drawn:
        return ""
    return f" The best {drawn} configurations; {counted(found - drawn, 'other')} not drawn."


def panels(
    columns: int, rows: int = 1, *, height: float = 3.4, share_y: bool = False
) -> tuple[mpl.figure.Figure, list[list[Axes]]]:
    """Return a figure with rows of panels, wide enough for the page."""
    figure = mpl.figure.Figure(figsize=(5.6 if columns == 1 else 4.6 * columns, height * rows))
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if share_y else False)
    return figure, [list(row) for row in axes]


def legend(
    figure: mpl.figure.Figure, entries: Sequence[tuple[str, Style]], extra: Sequence[Line2D] = ()
) -> None:
    """Put one legend for all panels below them."""
    handles = [
        Line2D(
            [],
            [],
            color=style.colour,
            marker=style.marker,
            linestyle=style.dashes,
            label=figure_text(label, 36),
        )
        for label, style in entries
    ]
    handles += extra
    if handles:
        longest = max(len(str(handle.get_label())) for handle in handles)
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=max(1, min(len(handles), 150 // (longest + 8))),
        )


def labelled_line(axes: Axes, y: float, text: str, taken: list[float]) -> None:
    """Draw a thin horizontal line at ``y`` with its label at the right.

    ``taken`` holds the heights of earlier labels as fractions of the axis; the new label is placed
    clear of them and added.
    """
    low, high = axes.get_ylim()
    if not (np.isfinite(y) and min(low, high) <= y <= max(low, high)):
        return
    axes.axhline(y, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    place = float(axes.transAxes.inverted().transform(axes.transData.transform((0.0, y)))[1])
    while any(abs(place - other) < 0.055 for other in taken):
        place -= 0.01
    taken.append(place)
    axes.text(
        1.01,
        place,
        figure_text(text, 24),
        transform=axes.transAxes,
        va="center",
        fontsize="x-small",
        color=INK,
    )


def use_log(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """Make an axis logarithmic, with plain-text labels.

    The labels are powers of ten, or steps of 1, 2 and 5 over less than two decades.
    """
    axis: Axis
    if which == "x":
        axes.set_xscale("log")
        axis = axes.xaxis
    else:
        axes.set_yscale("log")
        axis = axes.yaxis
    narrow = high < 100 * low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,), numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if narrow else _power_of_ten(value))
    )


def _power_of_ten(value: float) -> str:
    if value <= 0:
        return ""
    exponent = round(math.log10(value))
    return f"{value:g}" if -3 < exponent < 3 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def thinned(length: int, most: int = 200) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return at most ``most`` of ``length`` indices, evenly spaced, both ends included."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.intp))


def render_figure(
    figure: mpl.figure.Figure, name: str, title: str, caption: str, alt: str
) -> Figure:
    """Render a figure as SVG and PNG, without dates in the files."""
    svg, png = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        # A label may hold characters of any script.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # The canvases' own writers draw once each; Figure.savefig would draw twice for each file.
        FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
        # The first drawing has placed everything.
        figure.set_layout_engine("none")
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return Figure(name, title, caption, alt, svg.getvalue(), png.getvalue())
