"""Series from columns of a file; errors name the file, the line and the column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.errors import DataError

from .._common.table import Header, Table, is_position, take_header
from .._common.table_files import Layout, read_rows
from ._numbers import Decimal, is_missing, is_number, read_numbers
from ._time import Gaps, timeline

if TYPE_CHECKING:
    from pathlib import Path

    from ._series import Series


@dataclass(frozen=True)
class NamedSeries:
    """Columns over the same N rows.

    Attributes:
        numbers: the K columns to forecast (N, K), with NaN for missing values.
        names: of the K columns.
        places: the words for each of them in an error message.
        source: the words for all of them in an error message.
        covariates: further columns (N, E), likewise; ``None`` for none.
    """

    numbers: Series
    names: tuple[str, ...]
    places: tuple[str, ...]
    source: str
    covariates: Series | None = None


ALL = "all"


@dataclass(frozen=True)
class SeriesOptions:
    """How series are read from a table.

    Attributes:
        column: columns to forecast: one by name or by position counted from 0, or several joined by
            ``|``, or ``all``, every column whose first value is a number. A column of exactly that
            name takes precedence. It may be ``None`` where the file has a single column.
        covariates: further columns, likewise; ``all`` means every other one.
        header: whether the first row names the columns; auto: it does if a column is given by name
            or its first cell is not a number; with ``all``, if a text stands above a number.
        layout: how the table is written in its file.
        decimal: the decimal mark.
        time: the column of times (see :func:`._time.timeline`).
        gaps: what to do where rows are missing.
        missing: whether values may be missing.
    """

    column: str | None
    covariates: str | None
    header: Header
    layout: Layout
    decimal: Decimal
    time: str | None
    gaps: Gaps
    missing: bool


def read_series(path: Path, options: SeriesOptions) -> NamedSeries:
    """Read columns to forecast, and covariates, in order of time.

    Raises:
        DataError: the file cannot be read, there is no such column or one is named twice, a cell is
            no finite number, or the rows are not in order of time.
    """
    table = read_rows(path, options.layout)
    column = options.column
    if table.names is None and _has_header(table, column or "0", options.header):
        table = take_header(table)
    width = len(table.rows[0])
    if column is None and width > 1:
        raise DataError(
            f"{path} has {width} columns; choose one with column=NAME, several with "
            f"'column=NAME|NAME', or column=all. They are: {table.listed_columns()}."
        )
    chosen = _chosen(table, "column", column or "0", excluded=[])
    others = (
        []
        if options.covariates is None
        else _chosen(table, "covariates", options.covariates, excluded=chosen)
    )
    times = timeline(table, options.time, options.gaps, excluded=[*chosen, *others])
    numbers = read_numbers(
        table, [*chosen, *others], options.decimal, missing=options.missing
    )  # (N, K + E)
    if column == ALL:
        _refuse_counts(table, chosen, numbers)
    series = np.full((times.places[-1] + 1, numbers.shape[1]), np.nan)
    series[times.places] = numbers[times.order]
    places = tuple(f"{path}, column {table.name(index)!r}" for index in chosen)
    return NamedSeries(
        series[:, : len(chosen)],
        _names(table, chosen),
        places,
        places[0] if len(places) == 1 else str(path),
        series[:, len(chosen) :] if others else None,
    )


def _chosen(table: Table, option: str, wanted: str, excluded: list[int]) -> list[int]:
    """Return the positions of the columns that an option names, none of them in ``excluded``."""
    if wanted == ALL and ALL not in (table.names or ()):
        chosen = [
            index
            for index in range(len(table.rows[0]))
            if index not in excluded and _of_numbers(table, index)
        ]
        if not chosen:
            raise DataError(
                f"{table.source} has no {'other ' if excluded else ''}column of numbers "
                f"for {option}=all."
            )
        return chosen
    chosen = []
    for name in [wanted] if wanted in (table.names or ()) else wanted.split("|"):
        index = table.index(name.strip())
        if index in excluded:
            raise DataError(
                f"{table.source}: {option}={wanted} must name other columns than those forecast, "
                f"and {name!r} is one of them."
            )
        if index in chosen:
            raise DataError(
                f"{table.source}: {option}={wanted} names {name!r} twice; name it once."
            )
        chosen.append(index)
    return chosen


def _names(table: Table, chosen: list[int]) -> tuple[str, ...]:
    """Return unique names of columns; a name that occurs twice is followed by its position."""
    if table.names is None:
        return ("value",) if len(chosen) == 1 else tuple(f"column {index}" for index in chosen)
    names = [table.names[index] for index in chosen]
    return tuple(
        f"{name} ({index})" if names.count(name) > 1 else name
        for name, index in zip(names, chosen, strict=True)
    )


def _of_numbers(table: Table, index: int) -> bool:
    """Whether the column's first value is a number; missing values before it are passed over."""
    return is_number(next((row[index] for row in table.rows if not is_missing(row[index])), ""))


def _refuse_counts(table: Table, chosen: list[int], numbers: Series) -> None:
    for index, values in zip(chosen, numbers.T, strict=True):
        with np.errstate(over="ignore"):
            steps = np.diff(values)
        if len(steps) > 1 and steps[0] != 0 and (steps == steps[0]).all():
            raise DataError(
                f"{table.source}: column {table.name(index)!r} counts its rows, as an index or a "
                f"time does; name the columns to forecast, 'column=NAME|NAME'."
            )


def _has_header(table: Table, wanted: str, header: Header) -> bool:
    if header != "auto":
        return header
    if wanted == ALL:
        first, second = table.rows[0], table.rows[min(1, len(table.rows) - 1)]
        return any(
            cell.strip() and not is_number(cell) and is_number(below)
            for cell, below in zip(first, second, strict=True)
        )
    return any(
        not is_position(name) or not is_number(table.column(name)[0])
        for name in map(str.strip, wanted.split("|"))
    )
