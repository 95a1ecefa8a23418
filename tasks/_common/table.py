"""Tables of text cells; errors name the file and the row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rnnbench.errors import DataError, did_you_mean

Header: TypeAlias = Literal["auto"] | bool


class _Null(str):
    __slots__ = ()


NULL = _Null()
"""The cell of a missing or null value in a format that has such; compare with ``is``."""


@dataclass(frozen=True)
class Table:
    """Rows of text cells.

    Attributes:
        source: the words for the table in an error message: its path.
        names: the columns' names; ``None`` without a header.
        rows: the cells; all rows have the same length.
        lines: the line of each row in the file, counted from 1.
        unit: what ``lines`` count: ``"line"``, or ``"row"`` where rows have no lines.
    """

    source: str
    names: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]
    unit: str = "line"

    def column(self, wanted: str) -> list[str]:
        """Return the cells of a column by its name or by its position, counted from 0.

        A column of that name takes precedence.

        Raises:
            DataError: there is no such column; the nearest is suggested and all are listed.
        """
        index = self.index(wanted)
        return [row[index] for row in self.rows]

    def index(self, wanted: str) -> int:
        """Return the position of a column; raises as :meth:`column` does."""
        width = len(self.rows[0])
        if self.names is not None and wanted in self.names:
            if self.names.count(wanted) > 1:
                raise DataError(
                    f"{self.source} has two columns called {wanted!r}; "
                    f"give the position of one, counted from 0."
                )
            return self.names.index(wanted)
        if is_position(wanted) and int(wanted) < width:
            return int(wanted)
        if self.names is None:
            raise DataError(
                f"{self.source} has no column {wanted!r}: it is read without a header, so its "
                f"columns are 0 to {width - 1}; add header=true if its first row names them."
            )
        near = self._with_comma(wanted) or did_you_mean(wanted, self.names)
        raise DataError(
            f"{self.source} has no column {wanted!r}.{near} Its columns: {self.listed_columns()}."
        )

    def _with_comma(self, wanted: str) -> str:
        """Return how to type a name with commas of which ``wanted`` is one piece."""
        for name in self.names or ():
            if wanted in map(str.strip, name.split(",")):
                return f" A name with a comma is put in quotes: '[...=\"{name}\"]'."
        return ""

    def name(self, index: int) -> str:
        """Return the name of the column at a position; without a header, the position as text."""
        return str(index) if self.names is None else self.names[index]

    def listed_columns(self) -> str:
        """Return the names of all columns, or their positions, in one line."""
        return ", ".join(self.names or map(str, range(len(self.rows[0]))))

    def fault(self, row: int, what: str) -> DataError:
        """Return the error ``what`` at row ``row`` (an index into ``rows``)."""
        return DataError(f"{self.place(row)}: {what}")

    def place(self, row: int) -> str:
        """Return the words for row ``row`` (an index into ``rows``) in an error message."""
        return f"{self.source}, {self.unit} {self.lines[row]}"


def is_position(wanted: str) -> bool:
    """Whether ``wanted`` can be the position of a column."""
    return wanted.isdecimal() and len(wanted) < 10


def take_header(table: Table) -> Table:
    """Return the table with its first row as the columns' names.

    Raises:
        DataError: there is no other row.
    """
    if len(table.rows) < 2:
        raise DataError(f"{table.source} has a header but no rows of data.")
    names = tuple(cell.strip() for cell in table.rows[0])
    return replace(table, names=names, rows=table.rows[1:], lines=table.lines[1:])
