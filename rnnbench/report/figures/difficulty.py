"""Score against difficulty: one task run at several values of one of its numeric options."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnbench.analysis.formatting import MISSING, listed, number, rate_text
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.records.syntax import option_text, with_options
from rnnbench.report.blocks import Column, Row, Section, Table
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.curves import use_score_axis
from rnnbench.report.figures.style import (
    MOST_DRAWN,
    Look,
    Picture,
    legend,
    panels,
    picture,
    use_log,
)


@dataclass(frozen=True, eq=False)
class Ladder:
    """A task at several values of ``option``, all else of it equal; ``rungs`` by rising value."""

    task: str
    option: str
    rungs: tuple[tuple[float, TaskGroup], ...]

    @property
    def labels(self) -> list[str]:
        """The configurations with a score on any rung, the best on the highest rung first."""
        return list(
            dict.fromkeys(c.label for _, group in reversed(self.rungs) for c in group.scored)
        )

    def on(self, group: TaskGroup, label: str) -> Configuration | None:
        """Return one configuration on one rung."""
        return next((c for c in group.scored if c.label == label), None)

    def highest_solved(self, label: str) -> float | None:
        """The greatest value at which more than half of the trials solved the task."""
        solved = [
            value
            for value, group in self.rungs
            if (c := self.on(group, label)) and c.solved is not None and c.solved.value > 0.5
        ]
        return max(solved, default=None)


def ladders(tasks: Sequence[TaskGroup]) -> list[Ladder]:
    """Find the tasks that were run at two or more values of a numeric option, all else equal."""
    found = []
    by_name: dict[str, list[TaskGroup]] = defaultdict(list)
    for task in tasks:
        if task.scored:
            by_name[task.spec.name].append(task)
    for name, groups in by_name.items():
        for option in dict.fromkeys(key for group in groups for key in group.spec.options):
            found += _along(name, option, groups)
    return found


def _along(name: str, option: str, groups: Sequence[TaskGroup]) -> list[Ladder]:
    alike: dict[str, dict[float, TaskGroup]] = defaultdict(dict)
    shown = {}
    for group in groups:
        value = group.spec.options.get(option)
        if isinstance(value, int | float) and not isinstance(value, bool):
            identity = group.spec.identity()
            rest = {
                **identity,
                "options": {
                    key: each for key, each in identity["options"].items() if key != option
                },
            }
            key = json.dumps([rest, group.data_checksums], sort_keys=True)
            alike[key][float(value)] = group
            shown[key] = with_options(
                name, {k: v for k, v in group.spec.shown.items() if k != option}
            )
    return [
        Ladder(shown[key], option, tuple(sorted(rungs.items())))
        for key, rungs in alike.items()
        if len(rungs) > 1
    ]


def difficulty_section(ladder: Ladder, looks: Mapping[str, Look], place: int) -> Section:
    """Tell the greatest value that each model solved, and draw score against value."""
    solved = {label: ladder.highest_solved(label) for label in ladder.labels}
    reached = [
        f"{label} ({ladder.option} {value:g})"
        for label, value in solved.items()
        if value is not None
    ]
    never = [label for label, value in solved.items() if value is None]
    sentences = [
        *([f"Solved by more than half of the seeds, up to: {listed(reached)}."] if reached else []),
        *([f"Solved at no value tried: {listed(never)}."] if never else []),
    ]
    heading = f"{ladder.task} by {ladder.option}"
    blocks = (_table(ladder, looks, solved), _figure(ladder, looks, f"difficulty-{place}"))
    return Section(heading, f"difficulty-{place}", tuple(sentences), blocks)


def _table(ladder: Ladder, looks: Mapping[str, Look], solved: Mapping[str, float | None]) -> Table:
    values = [option_text(group.spec.options[ladder.option]) for _, group in ladder.rungs]
    rows = []
    for label, highest in solved.items():
        at = [ladder.on(group, label) for _, group in ladder.rungs]
        cells = [
            f"{number(c.score.value)}, {rate_text(c.solved)}" if c and c.score else MISSING
            for c in at
        ]
        rows.append(
            Row(
                (label, "none" if highest is None else f"{highest:g}", *cells),
                colour=looks[label].colour,
            )
        )
    columns = (
        Column("model", numeric=False),
        Column(f"largest {ladder.option} solved"),
        *(Column(f"{ladder.option} {value}") for value in values),
    )
    note = "Mean test score and share of seeds that solved the task, with Wilson's 95 % interval."
    return Table("Difficulty", columns, tuple(rows), (note,))


def _figure(ladder: Ladder, looks: Mapping[str, Look], name: str) -> Picture:
    figure, [[axes]] = panels(1, height=3.8)
    shown = ladder.labels[:MOST_DRAWN]
    for label in shown:
        look = looks[label]
        points = [
            (value, c.score)
            for value, group in ladder.rungs
            if (c := ladder.on(group, label)) and c.score
        ]
        axes.plot([x for x, _ in points], [score.value for _, score in points], color=look.colour, marker=look.marker,
                  linestyle=look.dashes, linewidth=2)  # fmt: skip
        for x, score in points:
            if score.low is not None and score.high is not None:
                axes.plot(
                    [x, x], [score.low, score.high], color=look.colour, linewidth=1.2, alpha=0.6
                )
    values = [value for value, _ in ladder.rungs]
    if values[0] > 0 and values[-1] / values[0] > 8:
        use_log(axes, "x", values[0], values[-1])
    else:
        axes.set_xticks(values)
    hardest = ladder.rungs[-1][1]
    use_score_axis(axes, hardest)
    score_name = hardest.learning.score_name if hardest.learning else "score"
    axes.set_xlabel(figure_text(ladder.option))
    axes.set_ylabel(f"test {figure_text(score_name)}")
    legend(figure, [(label, looks[label]) for label in shown])
    caption = (
        f"Mean test {score_name} with its interval over seeds, at each value of {ladder.option}."
    )
    return picture(
        figure,
        name,
        "Score against difficulty",
        caption,
        f"Score by {ladder.option} of {', '.join(shown)}",
    )
