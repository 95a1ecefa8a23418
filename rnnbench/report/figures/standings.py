"""The figure of the leaderboard over tasks: a heat map of skill, and the other axes beside it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from rnnbench.analysis.formatting import counted, level_text
from rnnbench.analysis.groups import TUNED
from rnnbench.analysis.remarks import LOOKS_AHEAD
from rnnbench.analysis.standings import Cell, Entry, Missing
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import FAINT, INK, render_figure

MOST_ENTRIES = 40
"""Rows of the figure; all entries are in the table."""
UNSCORED = "!"
"""Of a skill that counts trials without a score as the worst one."""
_DEFAULT = "(default)"
_NO_SKILL: dict[Missing, str] = {"declined": "decl.", "no trial": "·", "unfinished": "…"}
_ROW, _TASK, _AXIS = 0.25, 0.45, 1.02
"""Height of a row, width of a task and width of a panel, in inches."""
_HEADING_LETTERS = 15
"""Letters in a line of the heading of a panel."""
_MOST_TICKS = 3
_COLOUR = "#0a4c7d"
"""Of a skill of 1; that of 0 is nearly white."""
_DARK = 0.5
"""Skill from which a cell is dark, so that its text is light."""


@dataclass(frozen=True)
class _Panel:
    """A quantity beside the heat map: its heading and its value."""

    heading: str
    value: Callable[[Entry], float | None]


def standings_figure(tasks: Sequence[str], entries: Sequence[Entry], name: str) -> Figure:
    """Draw the leaderboard over tasks.

    Args:
        tasks: names of the tasks.
        entries: in the order of the leaderboard; the first ``MOST_ENTRIES`` are drawn.
        name: of the files.
    """
    shown = entries[:MOST_ENTRIES]
    panels = _panels(shown)
    some_tuned = any(entry.label.endswith(TUNED) for entry in shown)
    names = [_name(entry, some_tuned) for entry in shown]
    rows, columns = len(shown), len(tasks)
    left = 0.35 + 0.075 * max(map(len, names)) + 0.5
    width = left + _TASK * columns + _AXIS * (1 + len(panels)) + 0.2
    figure = mpl.figure.Figure(figsize=(width, _ROW * rows + 2.0))
    FigureCanvasAgg(figure)
    first, *others = figure.subplots(
        1,
        2 + len(panels),
        sharey=True,
        squeeze=False,
        gridspec_kw={"width_ratios": [_TASK * columns, *[_AXIS] * (1 + len(panels))]},
    )[0]
    _heat_map(first, tasks, shown, names)
    _aggregates(others[0], shown)
    for axes, panel in zip(others[1:], panels, strict=True):
        _dots(axes, panel, shown)
    for axes in others:
        axes.tick_params(axis="y", which="both", length=0)
        axes.spines["left"].set_visible(False)
    first.set_ylim(rows - 0.5, -0.5)
    return render_figure(
        figure,
        name,
        "Leaderboard",
        _caption(shown, len(entries), len(tasks), [panel.heading for panel in panels]),
        "Skill of each model on each task, with the interquartile mean: "
        + ", ".join(f"{entry.label} {_value(entry)}" for entry in shown),
    )


def _panels(entries: Sequence[Entry]) -> list[_Panel]:
    """Return the panels that have a value for any entry."""
    comparators = {each for entry in entries for each in entry.comparators}
    found = [
        _Panel("parameters", lambda entry: entry.parameters),
        _Panel("gradient half-\nlife, steps", lambda entry: entry.half_life),
    ]
    if len(comparators) == 1:
        words = figure_text(f"training step / {next(iter(comparators))}", 60)
        heading = textwrap.fill(words, _HEADING_LETTERS)
        found.insert(0, _Panel(heading, lambda entry: entry.step_ratio))
    return [panel for panel in found if any(panel.value(entry) for entry in entries)]


def _name(entry: Entry, some_tuned: bool) -> str:
    """Return the label; where some recipes are tuned, the others are marked in place of them."""
    tuned = entry.label.endswith(TUNED)
    marks = [
        *([_DEFAULT] if some_tuned and not tuned else []),
        *([] if entry.causal else [LOOKS_AHEAD]),
    ]
    return " ".join([figure_text(entry.label.removesuffix(TUNED), 30), *marks])


def rank_text(entry: Entry) -> str:
    """Return the range of ranks: ``1–4``, ``3``, or nothing for an entry that is not ranked."""
    if entry.rank is None:
        return ""
    low, high = entry.rank
    return str(low) if low == high else f"{low}–{high}"


def _value(entry: Entry) -> str:
    return "without an aggregate" if entry.skill is None else f"{entry.skill.value:.2f}"


def _heat_map(
    axes: Axes, tasks: Sequence[str], entries: Sequence[Entry], names: Sequence[str]
) -> None:
    skills = np.array(
        [[np.nan if cell.skill is None else cell.skill for cell in e.cells] for e in entries]
    )
    axes.imshow(
        np.clip(skills, 0, 1),
        cmap=sns.light_palette(_COLOUR, as_cmap=True),
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    for row, entry in enumerate(entries):
        for column, cell in enumerate(entry.cells):
            _cell_text(axes, row, column, cell)
        axes.text(
            -0.62, row, rank_text(entry), ha="right", va="center", fontsize="small", color=INK
        )
    axes.grid(visible=False)
    axes.set_xticks(
        range(len(tasks)),
        [figure_text(task, 26) for task in tasks],
        rotation=50,
        ha="left",
        rotation_mode="anchor",
        fontsize="small",
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(entries)), names)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", pad=36)
    if any(entry.rank is not None for entry in entries):
        axes.text(-0.62, -0.75, "rank", ha="right", va="bottom", fontsize="small", color=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(tasks) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(entries) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)


def _cell_text(axes: Axes, row: int, column: int, cell: Cell) -> None:
    if cell.skill is None:
        assert cell.missing is not None
        axes.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1, facecolor="#eef0f2", edgecolor="none", zorder=0.5
            )
        )
        text, colour = _NO_SKILL[cell.missing], INK
    else:
        mark = UNSCORED if cell.unscored else ""
        text = f"{_two_digits(cell.skill)}{mark}"
        colour = "white" if cell.skill >= _DARK else INK
    axes.text(column, row, text, ha="center", va="center", fontsize="small", color=colour)


def _two_digits(skill: float) -> str:
    """Return a skill in few characters: ``.97``, ``1``, ``−.2``, ``−31``."""
    if abs(skill) >= 9.95:
        return f"{skill:.0f}".replace("-", "−")
    text = f"{skill:.2f}" if skill >= 0 else f"{skill:.1f}"
    if float(text) == 0:
        return "0"
    short = text.replace("-0.", "-.").removeprefix("0") if abs(float(text)) < 1 else text
    return short.replace("-", "−")


def _aggregates(axes: Axes, entries: Sequence[Entry]) -> None:
    for row, entry in enumerate(entries):
        estimate = entry.skill
        if estimate is None:
            continue
        colour = INK if entry.rank is not None or entry.causal else FAINT
        if estimate.low is not None and estimate.high is not None:
            axes.plot(
                [estimate.low, estimate.high], [row, row], color=colour, linewidth=3, alpha=0.35
            )
        axes.plot([estimate.value], [row], color=colour, marker="o", markersize=5)
    _heading(axes, "interquartile\nmean skill")
    axes.xaxis.set_major_locator(MaxNLocator(3))


def _dots(axes: Axes, panel: _Panel, entries: Sequence[Entry]) -> None:
    values = [(row, value) for row, e in enumerate(entries) if (value := panel.value(e))]
    known = [value for _, value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    wide = high > 3 * low
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(_few_ticks(low, high)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(2))
    for row, value in values:
        if math.isfinite(value):
            axes.plot([value], [row], color=INK, marker="o", markersize=5)
        else:
            axes.text(
                0.97,
                row,
                "∞",
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                color=INK,
            )
    span = high / low if wide else 1 + (high - low) / high
    if wide:
        axes.set_xlim(low / span**0.12, high * span**0.25)
    else:
        pad = max(0.15 * (high - low), 0.02 * high)
        axes.set_xlim(low - pad, high + pad)
    if wide or high >= 1000:
        axes.xaxis.set_major_formatter(lambda value, _: _short(value))
    _heading(axes, panel.heading)


def _few_ticks(low: float, high: float) -> list[float]:
    """Return up to three round values between two numbers, for a narrow logarithmic axis."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        values = [m * 10.0**e for e in exponents for m in mantissas if low <= m * 10.0**e <= high]
        if len(values) >= 2:
            return values[:: max(1, math.ceil(len(values) / _MOST_TICKS))]
    return [low, high]


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _heading(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize="small", fontweight="normal", loc="left", color=INK)
    axes.tick_params(axis="x", labelsize="x-small")


def _caption(entries: Sequence[Entry], found: int, tasks: int, others: Sequence[str]) -> str:
    words = [
        f"Mean skill on {counted(tasks, 'task')}; 0 is the baseline, 1 is perfect. Colours end at "
        "0 and 1.",
        "Sorted by the interquartile mean of skill over tasks and seeds "
        f"({level_text()} intervals, stratified bootstrap; Agarwal et al. 2021).",
    ]
    if any(entry.rank for entry in entries):
        words.append(
            "Rank: from 1 more than the models shown to be better, to the place before the models "
            "shown to be worse; models whose ranges overlap may be equally good."
        )
    if any(tuned := [entry.label.endswith(TUNED) for entry in entries]):
        words.append(
            "Recipes are those of tuning studies"
            + (
                f"; {_DEFAULT}: the default recipe, which no study improved on."
                if not all(tuned)
                else "."
            )
        )
    if any(not entry.causal for entry in entries):
        words.append(f"{LOOKS_AHEAD} looks ahead, an easier problem: not ranked.")
    if any(entry.unscored for entry in entries):
        words.append(f"{UNSCORED} trials without a score count as the worst skill on the task.")
    missing = {cell.missing for entry in entries for cell in entry.cells}
    meanings = {
        "declined": "the model declined the task",
        "no trial": "no trial",
        "unfinished": "no trial ended",
    }
    said = [f"{_NO_SKILL[m]} {meanings[m]}" for m in _NO_SKILL if m in missing]
    if said:
        words.append(f"{'; '.join(said)}: without an aggregate, and last.")
    if others:
        named = ", ".join(each.replace("-\n", "-").replace("\n", " ") for each in others)
        words.append(f"Beside it: {named} (means over the tasks where they were measured).")
    if found > len(entries):
        words.append(f"The first {len(entries)} models; {found - len(entries)} are in the table.")
    return " ".join(words)
