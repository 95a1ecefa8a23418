"""The page on speed against length: a table for each family, and a figure."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns

from rnnbench.report.figures.style import styled

MODES = {"train": "training step", "forward": "forward pass", "stream": "one streamed step"}
_GROWTH_FROM = 256
"""Growth is fitted from this length on: below it the work that does not depend on it counts."""
_LINEAR = {"train": 1.0, "forward": 1.0, "stream": 0.0}
"""Exponent of the comparator, whose time is proportional to the length; of a step, constant."""


def write_page(rows: pd.DataFrame, folder: Path, command: str) -> None:
    """Write ``report.md`` and ``lengths.svg`` from the table of timings that a command made."""
    # the same bytes from the same rows
    with styled():
        _draw(rows, folder / "lengths.svg")
    (folder / "report.md").write_text("\n".join(_lines(rows, command)) + "\n", encoding="utf-8")


def growth(rows: pd.DataFrame) -> float:
    """Return the exponent p of time ~ length^p of one model in one mode.

    It is the exponent of the comparator plus the slope of the logarithm of the ratio, by least
    squares over the lengths from 256 on; NaN with fewer than two of them.
    """
    long = rows[rows["length"] >= _GROWTH_FROM]
    if len(long) < 2:
        return math.nan
    slope = np.polyfit(np.log(long["length"]), np.log(long["ratio"]), 1)[0]
    return float(_LINEAR[str(rows["mode"].iloc[0])] + slope)


def least_growth(rows: pd.DataFrame) -> float:
    """Return the exponent from the upper quartile at the shortest to the lower at the longest."""
    long = rows[rows["length"] >= _GROWTH_FROM].sort_values("length")
    if len(long) < 2:
        return math.nan
    first, last = long.iloc[0], long.iloc[-1]
    slope = math.log(last["ratio_low"] / first["ratio_high"]) / math.log(
        last["length"] / first["length"]
    )
    return float(_LINEAR[str(rows["mode"].iloc[0])] + slope)


def _lines(rows: pd.DataFrame, command: str) -> Iterator[str]:
    yield "# Speed and memory against the length of the sequence\n"
    yield f"Written by `{command}`.\n"
    yield (
        "Times are ratios to an LSTM of the same hidden size (64), taken in turn with it in one "
        "process, on one thread of a CPU: medians of up to seven pairs. Batch size 8, one streamed "
        "sequence, 8 inputs. Each model has its default options, so that parameters differ "
        "([the models](../../docs/models.md)). *Growth* is p in time ~ length^p from "
        f"{_GROWTH_FROM} steps on: 1 is linear, 2 quadratic; of one streamed step 0 is constant "
        "cost. Memory is the peak of a training step per step of the sequence. A dash is a length "
        "that took too long. The row of `lstm` is two LSTMs against each other: the noise.\n"
    )
    yield "![ratio of times to the LSTM against length](lengths.svg)\n"
    lengths = sorted(map(int, rows["length"].unique()))
    short, longest = lengths[1], lengths[-1]
    for family, group in rows.groupby("family"):
        yield f"## {str(family).capitalize()}\n"
        both = f"{short} | {longest}"
        yield (
            f"| model | training, {both} | growth | forward, {both} | growth "
            f"| streaming, {both} | growth | KiB per step, {both} |"
        )
        yield "|---|" + "---:|" * 11
        for model, own in group.groupby("model"):
            yield f"| `{model}` | {' | '.join(_cells(own, short, longest))} |"
        yield ""
    yield from _outliers(rows)


def _cells(own: pd.DataFrame, short: int, longest: int) -> Iterator[str]:
    for mode in MODES:
        of_mode = own[own["mode"] == mode].sort_values("length")
        yield from (_at(of_mode, length, "ratio") for length in (short, longest))
        exponent = growth(of_mode) if len(of_mode) else math.nan
        # without the sign of a zero
        yield "-" if math.isnan(exponent) else f"{round(exponent, 2) + 0.0:.2f}"
    train = own[own["mode"] == "train"]
    for length in (short, longest):
        yield _at(train.assign(per=train["peak_bytes"] / train["length"] / 1024), length, "per")


def _at(rows: pd.DataFrame, length: int, column: str) -> str:
    found = rows.loc[rows["length"] == length, column]
    return "-" if found.empty or pd.isna(found.iloc[0]) else f"{found.iloc[0]:.3g}"


def _outliers(rows: pd.DataFrame) -> Iterator[str]:
    """Yield which models grow otherwise than the LSTM."""
    yield "## Faster growth than that of the LSTM\n"
    yield (
        "The exponent here goes from the upper quartile of the ratios at the shortest length of "
        "the fit to the lower quartile at the longest. On a loaded machine the ratios of two "
        "lengths differ by more than their quartiles, so that a model may be listed whose "
        "operations are proportional to the length.\n"
    )
    for mode, name in MODES.items():
        of_mode = rows[rows["mode"] == mode]
        found = {str(model): least_growth(own) for model, own in of_mode.groupby("model")}
        bound = _LINEAR[mode] + 0.2
        faster = sorted(
            (each for each in found.items() if each[1] > bound), key=lambda each: -each[1]
        )
        shown = ", ".join(f"`{model}` {exponent:.2f}" for model, exponent in faster)
        yield f"- {name}, p > {bound:.1f}: {shown or 'none'}."


def _draw(rows: pd.DataFrame, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="seaborn")
        grid = sns.FacetGrid(
            rows.assign(mode=rows["mode"].map(MODES)),
            row="family",
            col="mode",
            col_order=list(MODES.values()),
            height=2.6,
            aspect=1.35,
            sharey=True,
            margin_titles=True,
        )
        grid.map_dataframe(_panel, looks=_looks(rows))
    grid.set_titles(col_template="{col_name}", row_template="{row_name}")
    grid.set(xscale="log", yscale="log")
    grid.set_axis_labels("steps in the sequence", "time / that of an LSTM")
    for axes in grid.axes.flat:
        axes.axhline(1, color="#9aa1ab", linewidth=0.8, zorder=0)
        axes.set_xticks(sorted(rows["length"].unique()))
        axes.set_xticklabels([str(each) for each in sorted(rows["length"].unique())])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    for row in grid.axes:
        # the first panel has every model; some cannot stream
        row[-1].legend(
            handles=row[0].get_lines()[:-1],
            fontsize=6.5,
            loc="center left",
            bbox_to_anchor=(1.12, 0.5),
            frameon=False,
        )
    grid.savefig(file, metadata={"Date": None})


def _looks(rows: pd.DataFrame) -> dict[str, tuple[object, str]]:
    """Return colour and marker of each model, the same in every panel of its family."""
    found: dict[str, tuple[object, str]] = {}
    for _, group in rows.groupby("family"):
        names = sorted(group["model"].unique())
        colours = sns.color_palette("husl", len(names))
        found |= {name: (colours[at], "os^Dv"[at % 5]) for at, name in enumerate(names)}
    return found


def _panel(data: pd.DataFrame, *, looks: dict[str, tuple[object, str]], color: object) -> None:
    del color  # seaborn's own, one for all models
    import matplotlib.pyplot as plt

    for name in sorted(data["model"].unique()):
        own = data[data["model"] == name].sort_values("length")
        colour, marker = looks[name]
        plt.plot(
            own["length"],
            own["ratio"],
            color=colour,
            marker=marker,
            markersize=3,
            linewidth=1.2,
            label=name,
        )
