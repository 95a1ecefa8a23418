"""Score against difficulty: one task at several values of one of its numeric options."""

from __future__ import annotations

from collections.abc import Mapping

from rnnbench.analysis.difficulty import DifficultySweep
from rnnbench.analysis.formatting import level_text
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.curves import use_score_axis
from rnnbench.report.figures.style import (
    MOST_DRAWN,
    Style,
    left_out,
    legend,
    panels,
    render_figure,
    use_log,
)


def score_by_difficulty(sweep: DifficultySweep, styles: Mapping[str, Style], name: str) -> Figure:
    """Draw mean scores with their intervals at each level of the sweep."""
    figure, [[axes]] = panels(1, height=3.8)
    shown = sweep.labels[:MOST_DRAWN]
    for label in shown:
        style = styles[label]
        points = [
            (value, c.score)
            for value, group in sweep.levels
            if (c := sweep.at(group, label)) and c.score
        ]
        axes.plot(
            [x for x, _ in points],
            [score.value for _, score in points],
            color=style.colour,
            marker=style.marker,
            linestyle=style.dashes,
            linewidth=2,
        )
        for x, score in points:
            if score.low is not None and score.high is not None:
                ends = [score.low, score.high]
                axes.plot([x, x], ends, color=style.colour, linewidth=1.2, alpha=0.6)
    values = [value for value, _ in sweep.levels]
    if values[0] > 0 and values[-1] / values[0] > 8:
        use_log(axes, "x", values[0], values[-1])
    else:
        axes.set_xticks(values)
    hardest = sweep.levels[-1][1]
    use_score_axis(axes, hardest)
    axes.set_xlabel(figure_text(sweep.option))
    axes.set_ylabel(f"test {figure_text(hardest.score_name)}")
    legend(figure, [(label, styles[label]) for label in shown])
    caption = (
        f"Mean test {hardest.score_name} with its {level_text()} interval over seeds, "
        f"at each value of {sweep.option}." + left_out(len(shown), len(sweep.labels))
    )
    alt = f"Score by {sweep.option} of {', '.join(shown)}"
    return render_figure(figure, name, "Score against difficulty", caption, alt)
