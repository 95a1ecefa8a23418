"""Learning curves: validation score over optimizer steps, with every seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import (
    MOST_DRAWN,
    Style,
    labelled_line,
    left_out,
    legend,
    panels,
    render_figure,
    thinned,
    use_log,
)

_MOST_SEED_LINES = 8


def learning_curves(task: TaskGroup, styles: Mapping[str, Style], name: str) -> Figure | None:
    """Draw the mean curve of each configuration, and its seeds as thin lines or a band."""
    drawn = [
        c
        for c in task.scored[:MOST_DRAWN]
        if any(learning.curve for learning in c.learned.values())
    ]
    if not drawn or task.learning is None:
        return None
    figure, [[axes]] = panels(1, height=3.8)
    figure.set_size_inches(8.6, 4.3)
    # The best configuration is drawn last, on top.
    for configuration in reversed(drawn):
        _draw(axes, configuration, styles[configuration.label])
    use_score_axis(axes, task)
    axes.set_xlabel("optimizer steps")
    axes.set_ylabel(f"validation {figure_text(task.learning.score_name)}")
    axes.set_xlim(left=0)
    taken: list[float] = []
    for text, y in (
        ("perfect", task.learning.perfect),
        ("solved", task.learning.solved_threshold),
        ("baseline", task.learning.baseline),
    ):
        labelled_line(axes, y, text, taken)
    legend(figure, [(c.label, styles[c.label]) for c in drawn])
    many = any(len(c.learned) > _MOST_SEED_LINES for c in drawn)
    caption = (
        f"Validation {task.learning.score_name} ({task.direction} is better) during training: "
        "bold, the mean over seeds; "
        + ("shaded, the middle 80 % of the seeds." if many else "thin, each seed.")
        + left_out(len(drawn), len(task.scored))
    )
    alt = f"Learning curves of {', '.join(c.label for c in drawn)}"
    return render_figure(figure, name, "Learning curves", caption, alt)


def use_score_axis(axes: Axes, task: TaskGroup) -> None:
    """Include the baseline and the perfect score in the score axis.

    An error that spans more than a factor of 20 gets a logarithmic axis.
    """
    assert task.learning is not None
    low, high = axes.get_ylim()
    ends = [
        value for value in (task.learning.baseline, task.learning.perfect) if np.isfinite(value)
    ]
    shown = [
        float(np.min(line.get_ydata()))
        for line in axes.get_lines()
        if len(np.atleast_1d(line.get_ydata()))
    ]
    smallest = min([value for value in [*shown, *ends] if np.isfinite(value)], default=0.0)
    largest = max([high, *ends])
    if task.direction == "lower" and smallest > 0 and largest / smallest > 20:
        use_log(axes, "y", smallest, largest)
        axes.set_ylim(smallest / 1.4, largest * 1.2)
        return
    low, high = min([low, *ends]), max([high, *ends])
    axes.set_ylim(low - 0.02 * (high - low), high + 0.03 * (high - low) if high > low else low + 1)


def _draw(axes: Axes, configuration: Configuration, style: Style) -> None:
    curves = [learning.curve for learning in configuration.learned.values() if learning.curve]
    length = min(len(curve) for curve in curves)
    keep = thinned(length)
    steps = np.array([point.step for point in curves[0]])[keep]
    scores = np.array([[point.validation_score for point in curve[:length]] for curve in curves])[
        :, keep
    ]
    scores = np.where(np.isfinite(scores), scores, np.nan)
    with np.errstate(invalid="ignore"):
        if len(scores) > _MOST_SEED_LINES:
            low, high = np.quantile(scores, [0.1, 0.9], axis=0)
            axes.fill_between(steps, low, high, color=style.colour, alpha=0.15, linewidth=0)
        elif len(scores) > 1:
            for seed in scores:
                axes.plot(steps, seed, color=style.colour, linewidth=0.8, alpha=0.4)
        axes.plot(
            steps,
            scores.mean(axis=0),
            color=style.colour,
            linestyle=style.dashes,
            linewidth=2.2,
            marker=style.marker,
            markersize=4.5,
            markevery=max(1, len(steps) // 8),
        )
