"""Tables of text cells from CSV, TSV and JSON Lines files, every fault told with its file and line."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rnnbench.errors import DataError, did_you_mean, one_line

if TYPE_CHECKING:
    from pathlib import Path

FileFormat: TypeAlias = Literal["auto", "csv", "tsv", "jsonl"]
Header: TypeAlias = Literal["auto"] | bool

_FORMAT_BY_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv", ".tsv": "tsv", ".txt": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
_MOST_COLUMNS = 100_000
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Table:
    """Cells as text.

    Attributes:
        source: what a message calls the table: its path.
        names: the columns' names; ``None`` without a header.
        rows: the cells, all rows equally long.
        lines: the line of each row in the file, counted from 1.
    """

    source: str
    names: tuple[str, ...] | None
    rows: list[list[str]]
    lines: list[int]

    def column(self, wanted: str) -> list[str]:
        """Return the cells of the column of that name or, when no column has it, at that position
        (counted from 0).

        Raises:
            DataError: there is no such column; the near one is suggested and all are listed.
        """
        index = self.index(wanted)
        return [row[index] for row in self.rows]

    def index(self, wanted: str) -> int:
        """Return the position of a column; raises as :meth:`column` does."""
        width = len(self.rows[0])
        if self.names is not None and wanted in self.names:
            if self.names.count(wanted) > 1:
                raise DataError(
                    f"{self.source} has two columns called {wanted!r}; give the position of one, counted from 0."
                )
            return self.names.index(wanted)
        if is_position(wanted) and int(wanted) < width:
            return int(wanted)
        if self.names is None:
            raise DataError(
                f"{self.source} has no column {one_line(wanted, 80)!r}: it is read without a header, so its columns are "
                f"0 to {width - 1}; add header=true if its first row names them."
            )
        known = one_line(", ".join(self.names), 300)
        raise DataError(
            f"{self.source} has no column {one_line(wanted, 80)!r}.{did_you_mean(wanted, self.names)} Its columns: {known}."
        )

    def name(self, index: int) -> str:
        """Return the name of the column at a position, or the position as text where columns have
        no names.
        """
        return str(index) if self.names is None else self.names[index]

    def fault(self, row: int, what: str) -> DataError:
        """Return the error that says ``what`` is wrong with row ``row`` (an index into ``rows``)."""
        return DataError(f"{self.source}, line {self.lines[row]}: {what}")


def is_position(wanted: str) -> bool:
    """Whether ``wanted`` can be a column's position."""
    return wanted.isdecimal() and len(wanted) < 10


def format_of(path: Path, given: FileFormat = "auto") -> FileFormat:
    """Return the format ``given``, or the one that the file's ending says.

    Raises:
        DataError: the ending says nothing.
    """
    if given != "auto":
        return given
    try:
        return _FORMAT_BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        raise DataError(
            f"{path}: the ending {path.suffix!r} does not say what it holds; add format=csv, format=tsv or format=jsonl."
        ) from None


def read_rows(path: Path, kind: FileFormat) -> Table:
    """Read a file as it stands, the first row of a CSV or TSV file being a row like any other.

    CSV is comma-separated with double quotes; TSV is tab-separated without quoting; JSON Lines has
    one object per line, the keys of the first being the columns. Text is UTF-8. Blank lines are
    passed over.

    Raises:
        DataError: unreadable, not UTF-8, empty, or malformed at a line that the message names.
    """
    content = _read_utf8(path)
    table = (
        _read_json_lines(path, content)
        if kind == "jsonl"
        else _read_delimited(path, content, quoted=kind == "csv")
    )
    if not table.rows:
        raise DataError(f"{path} is empty; give a file with data.")
    return table


def take_header(table: Table) -> Table:
    """Return the table with its first row made the columns' names; raises :class:`DataError` when
    nothing is left.
    """
    if len(table.rows) < 2:
        raise DataError(f"{table.source} has a header but no rows of data.")
    return Table(
        table.source, tuple(cell.strip() for cell in table.rows[0]), table.rows[1:], table.lines[1:]
    )


def _read_utf8(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or one_line(error)}.") from None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: not UTF-8 text; convert it, e.g. iconv -f LATIN1 -t UTF-8."
        ) from None
    return content


def _lines(content: bytes, newline: str) -> io.TextIOWrapper:
    """Decode line by line, without the byte order mark: the text as a whole takes four times the
    memory.
    """
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=newline)


def _read_delimited(path: Path, content: bytes, *, quoted: bool) -> Table:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(
        _lines(content, ""), delimiter="," if quoted else "\t", quoting=quoting, strict=True
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1  # a quoted cell may hold line breaks: a row is named by the line it starts at
    try:
        for row in reader:
            if len(row) > _MOST_COLUMNS:
                raise DataError(
                    f"{path}, line {start}: {len(row):,} columns, more than are read ({_MOST_COLUMNS:,})."
                )
            if row:
                rows.append(row)
                lines.append(start)
                if len(row) != len(rows[0]):
                    raise DataError(
                        f"{path}, line {start}: {_columns(len(row))} where the first row has {len(rows[0])}."
                    )
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {start}: malformed ({one_line(error)}).") from None
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
            raise DataError(
                f"{path}, line {line}: malformed JSON ({one_line(error, 120)})."
            ) from None
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
                f"{path}, line {line}: {halves[0]!r} has half of a surrogate pair, which is no character."
            )
        rows.append(row)
        lines.append(line)
    return Table(str(path), names, rows, lines)
