"""The times of a table's rows: order, duplicates and gaps."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rnnbench.errors import DataError

from ._numbers import is_number

if TYPE_CHECKING:
    from .._common.table import Table

Gaps: TypeAlias = Literal["refuse", "keep", "fill"]
AUTO = "auto"
Times: TypeAlias = npt.NDArray[Any]
"""Times (N,) of rows: datetime64, or float64 where they are given as numbers."""

_NAMES = frozenset({"date", "datetime", "date_time", "time", "timestamp", "ds", "t"})
"""Names, in lower case, of columns that hold times even as numbers."""
_PLAIN_ISO = re.compile(r"\d{4}-\d\d(-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?)?")
_MONTH = re.compile(r"\d{4}-\d\d")
_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?)?")
_LONGER = 1.5
"""A step is a gap if it is longer than the usual one by this factor."""
_MOST_FILLED = 10
"""Maximum number of rows inserted, as a multiple of the rows given."""


@dataclass(frozen=True)
class Timeline:
    """The rows of a table in order of time.

    Attributes:
        order: (N,) the rows in order of time.
        places: (N,) their positions on a grid with equal steps: 0, 1, ..., more where rows are
            missing.
    """

    order: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]


def timeline(table: Table, wanted: str | None, gaps: Gaps, excluded: Sequence[int]) -> Timeline:
    """Return the order of the rows by a column of times.

    Args:
        table: the rows.
        wanted: the column, by name or position, or two joined by ``|`` (date and time of day), by
            which rows are sorted; auto: the first column that holds dates or has a name such as
            "date", by which rows must be in order; ``None``: rows are in order as they are.
        gaps: what to do where rows are missing between equal steps.
        excluded: positions of columns that are no times.

    Raises:
        DataError: the times cannot be read, are out of order, occur twice, or have gaps.
    """
    rows = np.arange(len(table.rows))
    column = _found(table, excluded) if wanted == AUTO else _given(table, wanted)
    if column is None:
        return Timeline(rows, rows)
    name, cells, readings = column
    rising = [times for times in readings if _is_rising(times)]
    if len(rising) == 1:
        return Timeline(rows, _places(table, name, cells, rising[0], rows, gaps))
    if wanted == AUTO and not rising:
        raise _disordered(table, name, cells, readings[0])
    candidates = rising or [times for times in readings if _is_rising(times[::-1])] or readings
    if len(candidates) > 1:
        raise DataError(
            f"{table.source}: the dates in column {name!r}, e.g. {cells[0]!r}, may begin with the "
            f"day or with the month; write them as 2020-12-31, or add time=none to take the rows "
            f"as they are."
        )
    order = np.argsort(candidates[0], kind="stable")
    times = candidates[0][order]
    if (twice := np.flatnonzero(times[1:] == times[:-1])).size:
        raise _duplicate(table, name, cells, int(order[twice[0]]), int(order[twice[0] + 1]))
    return Timeline(order, _places(table, name, cells, times, order, gaps))


Column: TypeAlias = tuple[str, list[str], list[Times]]
"""Name, cells and possible readings, at least one, of a column of times."""


def _given(table: Table, wanted: str | None) -> Column | None:
    if wanted is None:
        return None
    names = [wanted] if wanted in (table.names or ()) else wanted.split("|")
    indices = [table.index(name.strip()) for name in names]
    cells = [" ".join(row[index].strip() for index in indices) for row in table.rows]
    name = "|".join(map(table.name, indices))
    readings = _readings(cells)
    if not readings:
        raise _unreadable(table, name, cells)
    return name, cells, readings


def _found(table: Table, excluded: Sequence[int]) -> Column | None:
    for index, first in enumerate(table.rows[0]):
        named = table.names is not None and table.names[index].lower() in _NAMES
        if index in excluded or (is_number(first) and not named) or not first.strip():
            continue
        if not _readings([first.strip()]):
            continue
        cells = [row[index] for row in table.rows]
        if readings := _readings(cells) or _readings([cell.strip() for cell in cells]):
            return table.name(index), cells, readings
    return None


def _readings(cells: list[str]) -> list[Times]:
    """Return the times of cells, in every order of day and month that fits all of them."""
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        pass
    else:
        return [numbers] if np.isfinite(numbers).all() else []
    if _PLAIN_ISO.fullmatch(cells[0]) and len(set(map(len, cells))) == 1:
        # numpy reads a million per 0.1 s; what it refuses, or reads with a warning, is read below
        with contextlib.suppress(ValueError, UserWarning), warnings.catch_warnings():
            warnings.simplefilter("error")
            times = np.array(cells, dtype="datetime64[us]")
            return [] if np.isnat(times).any() else [times]
    found: list[Times] = []
    parsers: tuple[Callable[[str], datetime], ...] = (_iso, _year_first, _day_first, _month_first)
    for parse in parsers:
        try:
            times = np.array([parse(cell) for cell in cells], dtype="datetime64[us]")
        except (ValueError, OverflowError):
            continue
        if not any(np.array_equal(times, other) for other in found):
            found.append(times)
        if parse in (_iso, _year_first):
            break
    return found


def _iso(cell: str) -> datetime:
    read = datetime.fromisoformat(f"{cell}-01" if _MONTH.fullmatch(cell) else cell)
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def _year_first(cell: str) -> datetime:
    first, second, third, clock = _parts(cell)
    return datetime(first, second, third, *clock)


def _day_first(cell: str) -> datetime:
    first, second, third, clock = _parts(cell)
    return datetime(_century(third), second, first, *clock)


def _month_first(cell: str) -> datetime:
    first, second, third, clock = _parts(cell)
    if "." in cell:
        raise ValueError("no date with points begins with the month")
    return datetime(_century(third), first, second, *clock)


def _century(year: int) -> int:
    if year < 1000:
        raise ValueError("a year of four digits is needed")
    return year


def _parts(cell: str) -> tuple[int, int, int, tuple[int, int, int]]:
    match = _DATE.fullmatch(cell)
    if match is None:
        raise ValueError("no date")
    first, second, third = (int(match[group]) for group in (1, 3, 4))
    hours, minutes, seconds = (int(match[group] or 0) for group in (5, 6, 7))
    return first, second, third, (hours, minutes, seconds)


def _is_rising(times: Times) -> bool:
    return bool((times[1:] > times[:-1]).all())


def _places(
    table: Table,
    name: str,
    cells: list[str],
    times: Times,
    order: npt.NDArray[np.int64],
    gaps: Gaps,
) -> npt.NDArray[np.int64]:
    steps = np.diff(_on_calendar(times))
    usual = np.median(steps) if len(steps) else 1.0
    longer = np.flatnonzero(steps > _LONGER * usual)
    if not len(longer) or gaps == "keep":
        return np.arange(len(times))
    whole = np.maximum(np.round(steps / usual), 1).astype(np.int64)
    missing = int(whole.sum()) - len(steps)
    before, after = (int(order[longer[0] + offset]) for offset in (0, 1))
    where = (
        f"{table.source}: {missing:,} rows are missing where steps in column {name!r} are longer "
        f"than the usual one, the first between {table.unit}s {table.lines[before]} "
        f"({cells[before]}) and {table.lines[after]} ({cells[after]})"
    )
    if gaps == "refuse":
        raise DataError(
            f"{where}; add gaps=keep to take the rows as consecutive, or gaps=fill and "
            f"fill=forward to insert rows."
        )
    if missing > _MOST_FILLED * len(times):
        raise DataError(f"{where}: too many to insert; add gaps=keep.")
    return np.concatenate([[0], np.cumsum(whole)])


def _on_calendar(times: Times) -> npt.NDArray[np.float64]:
    """Return times in units of equal steps: months, working days, seconds, or numbers as given."""
    if times.dtype.kind == "f":
        return np.asarray(times, dtype=np.float64)
    day = np.timedelta64(1, "D")
    # equal days of the month, or its last days; the first steps rule out shorter ones
    monthly = (np.diff(times[:3]) > 27 * day).all()
    for shifted in (times, times + day) if monthly else ():
        months: Any = shifted.astype("datetime64[M]")
        offset = shifted - months
        same_day = (offset == offset[0]).all() and (shifted is times or offset[0] < day)
        if same_day and (np.diff(months.astype(np.int64)) >= 1).all():
            return np.asarray(months.astype(np.float64))
    days = times.astype("datetime64[D]")
    if (
        len(days) > 5
        and (days[:2] == times[:2]).all()
        and (days == times).all()
        and np.is_busday(days).all()
    ):
        return np.asarray(np.busday_count(np.datetime64("1970-01-01"), days), dtype=np.float64)
    return np.asarray(times.astype("datetime64[us]").view(np.int64) / 1e6)


def _disordered(table: Table, name: str, cells: list[str], times: Times) -> DataError:
    row = int(np.flatnonzero(times[1:] <= times[:-1])[0]) + 1
    if times[row] == times[row - 1]:
        return _duplicate(table, name, cells, row - 1, row)
    return table.fault(
        row,
        f"its time in column {name!r}, {cells[row]!r}, is before that of the row above, "
        f"{cells[row - 1]!r}; add time={name} to sort the rows, or time=none to take them as "
        f"they are.",
    )


def _duplicate(table: Table, name: str, cells: list[str], row: int, other: int) -> DataError:
    first, second = sorted((row, other))
    return table.fault(
        second,
        f"its time in column {name!r}, {cells[second]!r}, is that of {table.unit} "
        f"{table.lines[first]}; keep the rows of one series, name all columns of the time, "
        f"time='DATE|TIME', or add time=none to take the rows as they are.",
    )


def _unreadable(table: Table, name: str, cells: list[str]) -> DataError:
    row = next((row for row, cell in enumerate(cells) if not _readings([cell])), 0)
    return table.fault(
        row,
        f"{cells[row][:40]!r} in column {name!r} is not a time like the others; give numbers, or "
        f"dates such as 2020-12-31 or 2020-12-31 23:59.",
    )
