"""Speed against sequence length, as the ratio to a comparator timed in the same pass."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from rnnbench.analysis.groups import TaskGroup
from rnnbench.records.result import Speed
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import (
    FAINT,
    INK,
    MOST_DRAWN,
    Style,
    legend,
    panels,
    render_figure,
    use_log,
)

_MODES = (("train", "training step"), ("forward", "forward pass"))


def speed_against_length(task: TaskGroup, styles: Mapping[str, Style], name: str) -> Figure | None:
    """Draw the ratio of times, model over comparator, at each length, with quartiles."""
    timed = [c for c in task.configurations if c.speeds][:MOST_DRAWN]
    modes = [
        (mode, words)
        for mode, words in _MODES
        if any(p.mode == mode for c in timed for p in c.speeds[-1].points)
    ]
    if not modes:
        return None
    comparator = timed[0].speeds[-1].comparator
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
    ratios = [
        point.ratio.median for c in timed for point in c.speeds[-1].points if point.mode != "stream"
    ]
    for axes in row:
        if lengths[0] > 0 and lengths[-1] / lengths[0] > 3:
            use_log(axes, "x", lengths[0], lengths[-1])
            axes.set_xticks(lengths if len(lengths) <= 8 else lengths[:: len(lengths) // 6])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if min(ratios) > 0 and max(ratios) / min(ratios) > 4:
            use_log(axes, "y", min(ratios), max(ratios))
    row[0].set_ylabel(f"time over that of {figure_text(comparator, 24)}")
    legend(figure, [(c.label, styles[c.label]) for c in timed])
    noisy = [c.label for c in timed if c.noisy]
    caption = (
        f"Time over that of {comparator} at the same size, timed in turn with it: "
        "medians with quartiles; above 1 is slower."
        + (
            f" Hollow: timings that scattered too much to be trusted ({', '.join(noisy)})."
            if noisy
            else ""
        )
    )
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
    if not points:
        return
    lengths, medians = [p.length for p in points], [p.ratio.median for p in points]
    for point in points:
        axes.plot(
            [point.length] * 2,
            [point.ratio.low, point.ratio.high],
            color=style.colour,
            linewidth=1.4,
            alpha=0.7,
        )
    axes.plot(
        lengths,
        medians,
        color=style.colour,
        linestyle=style.dashes,
        marker=style.marker,
        markersize=6,
        linewidth=1.6,
        markerfacecolor="white" if speed.noisy else style.colour,
    )
