"""Series from columns of a file; errors name the file, the line and the column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.errors import DataError

from .._common.tables import (
    FileFormat,
    Header,
    Table,
    format_of,
    is_position,
    read_rows,
    take_header,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ._series import Series


@dataclass(frozen=True)
class NamedSeries:
    """Columns over the same N rows.

    Attributes:
        numbers: the K columns to forecast (N, K).
        names: of the K columns.
        places: the words for each of them in an error message.
        source: the words for all of them in an error message.
        covariates: further columns (N, E); ``None`` for none.
    """

    numbers: Series
    names: tuple[str, ...]
    places: tuple[str, ...]
    source: str
    covariates: Series | None = None


ALL = "all"


def read_series(
    path: Path, column: str | None, header: Header, kind: FileFormat, covariates: str | None = None
) -> NamedSeries:
    """Read columns to forecast, and covariates, each by name or by position counted from 0.

    ``column`` and ``covariates`` name one column, or several joined by ``|``; ``all`` means every
    (other) column whose first value is a number. A column of exactly that name takes precedence.
    Without ``column`` the file must have a single one.

    ``header="auto"`` takes the first row as the columns' names if a column is given by name or its
    first cell is not a number; with ``all``, if a text stands above a number.

    Raises:
        DataError: the file cannot be read, there is no such column or one is named twice, or a cell
            is no finite number.
    """
    table = read_rows(path, format_of(path, kind))
    if table.names is None and _has_header(table, column or "0", header):
        table = take_header(table)
    width = len(table.rows[0])
    if column is None and width > 1:
        raise DataError(
            f"{path} has {width} columns; choose one with column=NAME, several with "
            f"'column=NAME|NAME', or column=all. They are: {table.listed_columns()}."
        )
    chosen = _chosen(table, "column", column or "0", excluded=[])
    numbers = _numbers(table, chosen)
    if column == ALL:
        _refuse_counts(table, chosen, numbers)
    others = (
        None
        if covariates is None
        else _numbers(table, _chosen(table, "covariates", covariates, excluded=chosen))
    )
    places = tuple(f"{path}, column {table.name(index)!r}" for index in chosen)
    return NamedSeries(
        numbers, _names(table, chosen), places, places[0] if len(places) == 1 else str(path), others
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
    return _is_number(next((row[index] for row in table.rows if row[index].strip()), ""))


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
            cell.strip() and not _is_number(cell) and _is_number(below)
            for cell, below in zip(first, second, strict=True)
        )
    return any(
        not is_position(name) or not _is_number(table.column(name)[0])
        for name in map(str.strip, wanted.split("|"))
    )


def _numbers(table: Table, chosen: list[int]) -> Series:
    return np.stack([_column(table, index) for index in chosen], axis=1)  # (N, K)


def _column(table: Table, index: int) -> Series:
    cells = [row[index] for row in table.rows]
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        raise _no_number(
            table, index, next(row for row, cell in enumerate(cells) if not _is_number(cell))
        ) from None
    if not np.isfinite(numbers).all():
        raise _no_number(table, index, int(np.flatnonzero(~np.isfinite(numbers))[0]))
    return numbers


def _no_number(table: Table, index: int, row: int) -> DataError:
    cell = table.rows[row][index]
    what = f"{cell[:40]!r} is not a finite number" if cell.strip() else "a value is missing"
    return table.fault(
        row,
        f"{what} in column {table.name(index)!r}; "
        f"correct or remove the row, or choose another column.",
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
