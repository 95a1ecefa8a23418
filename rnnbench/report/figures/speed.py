"""Speed against sequence length, as the ratio to a comparator timed in turn with the model."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from rnnbench.analysis.groups import TaskGroup
from rnnbench.records.speed import Speed, SpeedPoint
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import (
    FAINT,
    INK,
    MOST_DRAWN,
    Style,
    left_out,
    legend,
    panels,
    render_figure,
    use_log,
)

_MODES = (("train", "training step"), ("forward", "forward pass"))


def speed_against_length(task: TaskGroup, styles: Mapping[str, Style], name: str) -> Figure | None:
    """Draw the ratio of times, model over comparator, with intervals.

    As built at each length; plain loop over plain loop at the task's own length.
    """
    measured = [c for c in task.configurations if c.speeds]
    timed = measured[:MOST_DRAWN]
    modes = [
        (mode, words)
        for mode, words in _MODES
        if any(p.mode == mode for c in timed for p in c.speeds[-1].points)
    ]
    if not modes:
        return None
    last = timed[0].speeds[-1]
    comparator, size = last.against, "" if last.equal else " at the same hidden size"
    figure, [row] = panels(len(modes), height=3.7, share_y=True)
    for axes, (mode, words) in zip(row, modes, strict=True):
        axes.axhline(1, color=FAINT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        for configuration in timed:
            _draw(axes, configuration.speeds[-1], mode, styles[configuration.label])
        axes.set_title(words, color=INK)
        axes.set_xlabel("sequence length in time steps")
    lengths = sorted(
        {point.length for c in timed for point in c.speeds[-1].points if point.mode != "stream"}
    )
    drawn = [
        point
        for c in timed
        for point in (*c.speeds[-1].points, *c.speeds[-1].plain_points)
        if point.mode != "stream"
    ]
    ratios = [point.ratio.median for point in drawn]
    for axes in row:
        if lengths[0] > 0 and lengths[-1] / lengths[0] > 3:
            use_log(axes, "x", lengths[0], lengths[-1])
            axes.set_xticks(lengths if len(lengths) <= 8 else lengths[:: len(lengths) // 6])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if min(ratios) > 0 and max(ratios) / min(ratios) > 4:
            use_log(axes, "y", min(ratios), max(ratios))
    row[0].set_ylabel(f"time over that of {figure_text(comparator, 24)}")
    legend(figure, [(c.label, styles[c.label]) for c in timed])
    caption = (
        f"Time over that of {comparator}{size}, timed in turn with it, both as built: "
        "medians over processes with intervals; above 1 is slower."
    )
    if any(c.speeds[-1].plain_points for c in timed):
        caption += f" Crosses: plain loop over the plain loop of {comparator}."
    if any(point.noisy for point in drawn):
        caption += " Hollow or grey: the interval is wider than a quarter of the ratio."
    caption += left_out(len(timed), len(measured))
    return render_figure(
        figure,
        name,
        "Speed against length",
        caption,
        f"Speed ratio to {comparator} against sequence length",
    )


def _draw(axes: Axes, speed: Speed, mode: str, style: Style) -> None:
    points = sorted(
        (point for point in speed.points if point.mode == mode), key=lambda point: point.length
    )
    plain = [point for point in speed.plain_points if point.mode == mode]
    for point in (*points, *plain):
        _draw_interval(axes, point, style)
    axes.plot(
        [p.length for p in points],
        [p.ratio.median for p in points],
        color=style.colour,
        linestyle=style.dashes,
        linewidth=1.6,
    )
    for point in points:
        axes.plot(
            [point.length],
            [point.ratio.median],
            color=style.colour,
            marker=style.marker,
            markersize=6,
            markerfacecolor="white" if point.noisy else style.colour,
        )
    for point in plain:
        axes.plot(
            [point.length],
            [point.ratio.median],
            color=FAINT if point.noisy else style.colour,
            marker="x",
            markersize=7,
            markeredgewidth=2,
        )


def _draw_interval(axes: Axes, point: SpeedPoint, style: Style) -> None:
    if point.ratio.low is None or point.ratio.high is None:
        return
    axes.plot(
        [point.length] * 2,
        [point.ratio.low, point.ratio.high],
        color=style.colour,
        linewidth=1.4,
        alpha=0.7,
    )
