"""Tables of text cells from CSV, TSV and JSON Lines files; errors name the file and the line."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rnnbench.errors import DataError, did_you_mean

from .files import read_utf8

if TYPE_CHECKING:
    from pathlib import Path

FileFormat: TypeAlias = Literal["auto", "csv", "tsv", "jsonl"]
Header: TypeAlias = Literal["auto"] | bool

_FORMAT_BY_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_MAX_COLUMNS = 100_000
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Table:
    """Rows of text cells.

    Attributes:
        source: the words for the table in an error message: its path.
        names: the columns' names; ``None`` without a header.
        rows: the cells; all rows have the same length.
        lines: the line of each row in the file, counted from 1.
    """

    source: str
    names: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]

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
        raise DataError(
            f"{self.source} has no column {wanted!r}.{did_you_mean(wanted, self.names)} "
            f"Its columns: {self.listed_columns()}."
        )

    def name(self, index: int) -> str:
        """Return the name of the column at a position; without a header, the position as text."""
        return str(index) if self.names is None else self.names[index]

    def listed_columns(self) -> str:
        """Return the names of all columns, or their positions, in one line."""
        return ", ".join(self.names or map(str, range(len(self.rows[0]))))

    def fault(self, row: int, what: str) -> DataError:
        """Return the error ``what`` at row ``row`` (an index into ``rows``)."""
        return DataError(f"{self.source}, line {self.lines[row]}: {what}")


def is_position(wanted: str) -> bool:
    """Whether ``wanted`` can be the position of a column."""
    return wanted.isdecimal() and len(wanted) < 10


def format_of(path: Path, given: FileFormat = "auto") -> FileFormat:
    """Return the format ``given``, or that of the file's suffix.

    Raises:
        DataError: the suffix is unknown.
    """
    if given != "auto":
        return given
    try:
        return _FORMAT_BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        raise DataError(
            f"{path}: the format of {path.suffix!r} is unknown; "
            f"add format=csv, format=tsv or format=jsonl."
        ) from None


def read_rows(path: Path, kind: FileFormat) -> Table:
    """Read all rows of a file; the first row of a CSV or TSV file is not taken as a header.

    CSV is comma-separated with double quotes; TSV is tab-separated without quoting; JSON Lines has
    one object per line, and the keys of the first are the columns. Text is UTF-8. Blank lines are
    skipped.

    Raises:
        DataError: unreadable, not UTF-8, empty, or malformed; the message names the line.
    """
    content = read_utf8(path)
    table = (
        _read_json_lines(path, content)
        if kind == "jsonl"
        else _read_delimited(path, content, quoted=kind == "csv")
    )
    if not table.rows:
        raise DataError(f"{path} is empty; give a file with data.")
    return table


def take_header(table: Table) -> Table:
    """Return the table with its first row as the columns' names.

    Raises:
        DataError: there is no other row.
    """
    if len(table.rows) < 2:
        raise DataError(f"{table.source} has a header but no rows of data.")
    return Table(
        table.source, tuple(cell.strip() for cell in table.rows[0]), table.rows[1:], table.lines[1:]
    )


def _lines(content: bytes, newline: str) -> io.TextIOWrapper:
    """Decode line by line, without the byte order mark: a str of it all takes up to four times."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=newline)


def _read_delimited(path: Path, content: bytes, *, quoted: bool) -> Table:
    # Neither pandas nor pyarrow, which is ten times faster: pandas fills up short rows, pyarrow
    # reads an unclosed quote to the end of the file as one cell, and both accept text after a
    # closing quote, so that a damaged file would be read without an error.
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(
        _lines(content, ""), delimiter="," if quoted else "\t", quoting=quoting, strict=True
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    # a quoted cell may hold line breaks: an error names the line at which its row starts
    start = 1
    try:
        for row in reader:
            if len(row) > _MAX_COLUMNS:
                raise DataError(
                    f"{path}, line {start}: {len(row):,} columns; the limit is {_MAX_COLUMNS:,}."
                )
            if row:
                rows.append(row)
                lines.append(start)
                if len(row) != len(rows[0]):
                    raise DataError(
                        f"{path}, line {start}: {_columns(len(row))} where the first row has "
                        f"{len(rows[0])}."
                    )
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {start}: malformed ({error}).") from None
    return Table(str(path), None, rows, lines)


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _read_json_lines(path: Path, content: bytes) -> Table:
    names: tuple[str, ...] = ()
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, text in enumerate(_lines(content, "\n"), start=1):
        if not text.strip():
            continue
        try:
            found = json.loads(text.rstrip("\n"))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {line}: malformed JSON ({error}).") from None
        if not isinstance(found, dict) or not found:
            raise DataError(
                f'{path}, line {line}: not a JSON object such as {{"text": ..., "label": ...}}.'
            )
        names = names or tuple(found)
        if missing := [name for name in names if found.get(name) is None]:
            raise DataError(f"{path}, line {line}: {missing[0]!r} is missing or null.")
        row = [cell if isinstance(cell := found[name], str) else json.dumps(cell) for name in names]
        if halves := [
            name for name, cell in zip(names, row, strict=True) if _SURROGATE.search(cell)
        ]:
            raise DataError(
                f"{path}, line {line}: {halves[0]!r} has half of a surrogate pair, "
                f"which is not a character."
            )
        rows.append(row)
        lines.append(line)
    return Table(str(path), names, rows, lines)
