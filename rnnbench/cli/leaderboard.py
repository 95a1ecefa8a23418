"""The leaderboard of each task as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rnnbench.analysis.equality import equality, equality_text
from rnnbench.analysis.formatting import (
    MISSING,
    estimate_text,
    listed,
    number,
    rate_text,
    seeds_text,
)
from rnnbench.analysis.gradients import horizon_text, memory_horizon
from rnnbench.analysis.groups import Configuration, TaskGroup, group
from rnnbench.analysis.remarks import (
    LOOKS_AHEAD,
    marked,
    matched_sizes,
    mixed_processors,
    off_target,
    score_mark,
    still_improving,
)
from rnnbench.analysis.tuning.recipes import tuned_configurations
from rnnbench.analysis.tuning.studies import Study, studies
from rnnbench.encoding import plain
from rnnbench.records.result import Status

if TYPE_CHECKING:
    from rich.console import Console

    from rnnbench.records.result import Record
    from rnnbench.records.speed import SpeedPoint

_ALWAYS = 4
"""Number of columns that are shown at any width: model, score, skill and success rate."""
_RATIOS = (5, 6)
"""Places of the columns of speed."""
UNCERTAIN = "~"


def leaderboards(
    records: Sequence[Record], console: Console, tries: Sequence[Record] = ()
) -> Iterator[Table]:
    """Yield one table per task with a row per configuration, best score first.

    Models that look ahead solve an easier problem: they are marked, and come after the others.

    A configuration that a tuning study among ``tries`` chose is labelled so.

    If the console is too narrow, the last columns are omitted and named, so that no number is cut.
    """
    tuning = studies(tries)
    for task in group(records, tuned_configurations(tuning)):
        yield _fitting(task, console, tuning)


def _fitting(task: TaskGroup, console: Console, tuning: Sequence[Study]) -> Table:
    score = task.learning.score_name if task.learning else "score"
    headings = (
        *("model", score, "skill", "solved"),
        *("params", f"step\n/ {_comparator(task)}", f"loop\n/ {_comparator(task)}"),
        *("memory\nhorizon", "trials"),
    )
    rows = [
        [plain(cell, console.encoding) for cell in _cells(configuration)]
        for configuration in sorted(task.configurations, key=lambda c: not c.spec.model.causal)
    ]
    fitting = (
        n for n in range(len(headings), _ALWAYS, -1) if _width(headings[:n], rows) <= console.width
    )
    shown = next(fitting, _ALWAYS)
    return _leaderboard(task, tuning, headings, rows, shown)


def _comparator(task: TaskGroup) -> str:
    """Return the model that speeds are ratios to; several are joined."""
    speeds = (speed for configuration in task.configurations for speed in configuration.speeds)
    return " or ".join(dict.fromkeys(speed.against for speed in speeds)) or "comparator"


def _leaderboard(
    task: TaskGroup,
    tuning: Sequence[Study],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    shown: int,
) -> Table:
    table = Table(
        title=Text(task.label, style="bold"),
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    for place, heading in enumerate(headings[:shown]):
        table.add_column(
            heading, justify="right" if place else "left", no_wrap=shown > _ALWAYS, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[:shown]))
    facts = []
    if task.learning:
        facts.append(
            f"baseline {number(task.learning.baseline)}, perfect {number(task.learning.perfect)}"
        )
        facts.append(
            seeds_text(max(len(configuration.scores) for configuration in task.configurations))
        )
    if any(row[place].endswith(UNCERTAIN) for row in rows for place in _RATIOS if place < shown):
        facts.append(f"{UNCERTAIN} uncertain by more than a quarter")
    if task.learning and task.learning.unsolvable:
        facts.append(f"not solvable: {task.learning.unsolvable}")
    if left_out := [_in_one_line(heading) for heading in headings[shown:]]:
        facts.append(f"no room for {listed(left_out)}")
    held = equality(task, tuning)
    remarks = [
        remark
        for remark in (
            held and equality_text(held),
            off_target(task),
            matched_sizes(task),
            still_improving(task),
            mixed_processors(task),
        )
        if remark
    ]
    if any(not configuration.spec.model.causal for configuration in task.configurations):
        remarks.append(f"{LOOKS_AHEAD} looks ahead: an easier problem, not ranked with the others")
    table.caption = Text("\n".join(["; ".join(facts), *remarks]), style="dim")
    table.caption_justify = "left"
    return table


def _width(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return the width of a table with these columns, separated by two spaces."""
    widths = [
        max(*(len(line) for line in heading.split("\n")), *(len(row[place]) for row in rows))
        for place, heading in enumerate(headings)
    ]
    return sum(widths) + 2 * (len(widths) - 1)


def _in_one_line(heading: str) -> str:
    return heading.replace("-\n", "-").replace("\n", " ")


def _cells(configuration: Configuration) -> tuple[str, ...]:
    declined = sum(record.result.status is Status.INCOMPATIBLE for record in configuration.failures)
    failed = len(configuration.failures) - declined
    counts = {"declined": declined, "not done": failed}
    remarks = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    return (
        marked(configuration),
        f"{estimate_text(configuration.score)}{score_mark(configuration)}",
        number(configuration.skill.value) if configuration.skill else MISSING,
        rate_text(configuration.solved) if configuration.solved else MISSING,
        f"{configuration.size.params_total:,}" if configuration.size else MISSING,
        _ratio_text(configuration.speed_point("train")),
        _ratio_text(configuration.plain_loop("train")),
        horizon_text(memory_horizon(configuration)),
        ", ".join([str(len(configuration.records)), *remarks]),
    )


def _ratio_text(point: SpeedPoint | None) -> str:
    return (
        MISSING if point is None else f"{point.ratio.median:.2f}x{UNCERTAIN if point.noisy else ''}"
    )
