"""Numbers from the text cells of a table: decimal points or commas, and missing values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from rnnbench.errors import DataError

from .._common.table import NULL

if TYPE_CHECKING:
    from .._common.table import Table
    from ._series import Series

Decimal: TypeAlias = Literal["auto", "point", "comma"]

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
_WITH_COMMA = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*")
_OF_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")
"""Either 1234 or 1.234."""
_WITH_POINT = re.compile(r"\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?\s*")


def read_numbers(table: Table, chosen: Sequence[int], decimal: Decimal, *, missing: bool) -> Series:
    """Return the columns ``chosen`` as numbers (N, K), with NaN for missing values.

    Args:
        table: the cells.
        chosen: positions of K columns.
        decimal: the decimal mark; auto: a point, or a comma where the table has numbers with commas
            and none with points.
        missing: whether values may be missing.

    Raises:
        DataError: a cell is no finite number, a value is missing, or a comma may be a decimal mark
            or a separator of thousands.
    """
    columns = [_column(table, index, decimal, missing=missing) for index in chosen]
    return np.stack(columns, axis=1)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a decimal point or a decimal comma."""
    return _is_plain(cell) or _WITH_COMMA.fullmatch(cell) is not None


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value."""
    return cell.strip().lower() in _MISSING


def _column(table: Table, index: int, decimal: Decimal, *, missing: bool) -> Series:
    cells = [row[index] for row in table.rows]
    if decimal != "comma":
        try:
            numbers = np.array(cells, dtype=np.float64)
        except ValueError:
            pass
        else:
            if np.isfinite(numbers).all():
                return numbers
    commas = decimal == "comma" or (
        decimal == "auto"
        and any(map(_WITH_COMMA.fullmatch, cells))
        and _has_decimal_commas(table, index)
    )
    numbers = np.empty(len(cells))
    for row, cell in enumerate(cells):
        if missing and is_missing(cell):
            numbers[row] = np.nan
            continue
        plain = cell.replace(",", ".") if commas and "." not in cell else cell
        if not _is_plain(plain) or (commas and "." in cell) or not np.isfinite(float(plain)):
            raise _no_number(table, index, row)
        numbers[row] = float(plain)
    return numbers


def _has_decimal_commas(table: Table, index: int) -> bool:
    """Whether the numbers of a table have decimal commas; ``index`` is the column in question."""
    cells = [cell for row in table.rows for cell in row if "," in cell or "." in cell]
    if any(map(_WITH_POINT.fullmatch, cells)):
        return False
    with_comma = list(filter(_WITH_COMMA.fullmatch, cells))
    if all(map(_OF_THOUSANDS.fullmatch, with_comma)):
        row = next(row for row, cells in enumerate(table.rows) if "," in cells[index])
        cell = table.rows[row][index].strip()
        raise table.fault(
            row,
            f"{cell!r} in column {table.name(index)!r} may be {cell.replace(',', '.')} or "
            f"{cell.replace(',', '')}; add decimal=comma, or remove the separators of thousands.",
        )
    return True


def _no_number(table: Table, index: int, row: int) -> DataError:
    cell = table.rows[row][index]
    name = table.name(index)
    if cell is NULL:
        return table.fault(
            row, f"{name!r} is missing or null; correct or remove the row, or add fill=forward."
        )
    what = f"{cell[:40]!r} is not a finite number" if cell.strip() else "a value is missing"
    hint = ", add fill=forward for missing values" if is_missing(cell) else ""
    if "," in cell:
        hint = ", add decimal=comma for decimal commas (thousands are not separated)"
    return table.fault(
        row,
        f"{what} in column {name!r}; correct or remove the row{hint}, or choose another column.",
    )


def _is_plain(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
