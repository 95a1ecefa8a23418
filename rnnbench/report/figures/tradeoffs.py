"""Score against cost: parameters, and the time of a training step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rnnbench.analysis.formatting import level_text
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.records.store import comparable_key
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.curves import use_score_axis
from rnnbench.report.figures.style import (
    FAINT,
    MOST_DRAWN,
    Style,
    left_out,
    legend,
    panels,
    render_figure,
    use_log,
)


def tradeoffs(task: TaskGroup, styles: Mapping[str, Style], name: str) -> Figure | None:
    """Draw mean scores with intervals against cost; a dashed line joins the Pareto front."""
    if task.learning is None:
        return None
    drawn = task.scored[:MOST_DRAWN]
    costs = [(label, of) for label, of in _costs(drawn) if any(of(c) is not None for c in drawn)]
    if not costs:
        return None
    figure, [row] = panels(len(costs), height=3.8, share_y=True)
    for axes, (label, cost) in zip(row, costs, strict=True):
        points = [(x, c) for c in drawn if (x := cost(c)) is not None]
        for x, configuration in points:
            _draw(axes, x, configuration, styles[configuration.label])
        _front(axes, [(x, c.score.value) for x, c in points if c.score is not None], task.sign)
        axes.set_xlabel(label)
        values = [x for x, _ in points]
        if min(values) > 0 and max(values) / min(values) > 8:
            use_log(axes, "x", min(values), max(values))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(
            lambda value, _: f"{value / 1000:g} k" if value >= 1000 else f"{value:g}"
        )
        axes.margins(x=0.12)
    use_score_axis(row[0], task)
    row[0].set_ylabel(f"test {figure_text(task.learning.score_name)}")
    legend(figure, [(c.label, styles[c.label]) for c in drawn])
    caption = (
        f"Mean test {task.learning.score_name} ({task.direction} is better) with its "
        f"{level_text()} interval over seeds, against {' and '.join(label for label, _ in costs)}. "
        "The dashed line joins the configurations that no cheaper one matches."
        + left_out(len(drawn), len(task.scored))
    )
    return render_figure(
        figure,
        name,
        "Score against cost",
        caption,
        f"Score against cost for {', '.join(c.label for c in drawn)}",
    )


def _costs(
    drawn: Sequence[Configuration],
) -> list[tuple[str, Callable[[Configuration], float | None]]]:
    def parameters(configuration: Configuration) -> float | None:
        return None if configuration.size is None else configuration.size.params_total

    def ratio(configuration: Configuration) -> float | None:
        point = configuration.speed_point("train")
        return None if point is None else point.ratio.median

    def seconds(configuration: Configuration) -> float | None:
        return configuration.train_seconds

    machines = {
        comparable_key(record.result.environment)
        for c in drawn
        for record in c.records
        if record.result.environment is not None
    }
    comparators = dict.fromkeys(c.comparator for c in drawn if ratio(c) is not None)
    found: list[tuple[str, Callable[[Configuration], float | None]]] = [
        ("trainable parameters", parameters)
    ]
    if len(comparators) == 1:
        named = figure_text(next(iter(comparators)), 24)
        found.append((f"training step over {named}, as built", ratio))
    elif len(machines) <= 1:
        found.append(("seconds of training, with other trials running", seconds))
    return found


def _draw(axes: Axes, x: float, configuration: Configuration, style: Style) -> None:
    score = configuration.score
    assert score is not None
    if score.low is not None and score.high is not None:
        axes.plot([x, x], [score.low, score.high], color=style.colour, linewidth=1.6, alpha=0.8)
    axes.plot(
        [x],
        [score.value],
        color=style.colour,
        marker=style.marker,
        markersize=8,
        linestyle="none",
        zorder=3,
    )


def _front(axes: Axes, points: Sequence[tuple[float, float]], sign: int) -> None:
    best: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if not best or sign * y > sign * best[-1][1]:
            best.append((x, y))
    if len(points) > 2 and len(best) > 1:
        axes.plot(
            *zip(*best, strict=True), color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1
        )
