"""Tables from CSV and TSV files, and the mark between their columns."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

from rnnbench.errors import DataError

from .table import Table

if TYPE_CHECKING:
    import _csv
    from pathlib import Path

Separator: TypeAlias = Literal["auto", "comma", "semicolon", "tab", "bar"]

_MARKS: dict[Separator, str] = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_MAX_COLUMNS = 100_000
_SAMPLED_BYTES, _SAMPLED_ROWS = 1 << 20, 20
"""Maximum size of the beginning of a file from which its separator is read."""
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


def read_delimited(path: Path, content: bytes, separator: Separator, *, quoted: bool) -> Table:
    """Read all rows of a text in UTF-8; the first row is not taken as a header.

    Args:
        path: the words for the file in error messages.
        content: the text.
        separator: the mark between columns; auto: tab without quotes, and with quotes comma, or
            another that cuts the first rows into equal numbers of columns where commas do not.
        quoted: whether a cell may stand in double quotes, as in CSV.

    Raises:
        DataError: malformed, or rows of different lengths; the message names the line.
    """
    # Neither pandas nor pyarrow, which is ten times faster: pandas fills up short rows, pyarrow
    # reads an unclosed quote to the end of the file as one cell, and both accept text after a
    # closing quote, so that a damaged file would be read without an error.
    if separator == "auto":
        separator = _found_separator(path, content) if quoted else _tab(path, content)
    reader = _reader(_lines(content), separator, quoted=quoted)
    rows: list[list[str]] = []
    lines: list[int] = []
    # a quoted cell may hold line breaks: an error names the line at which its row starts
    start = 1
    # the limit of the csv module, 131,072 characters, is shorter than a long document
    former_limit = csv.field_size_limit(max(csv.field_size_limit(), len(content)))
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
    finally:
        csv.field_size_limit(former_limit)
    return Table(str(path), None, rows, lines)


def _lines(content: bytes) -> io.TextIOWrapper:
    """Decode line by line, without the byte order mark: a str of it all takes up to four times."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")


def _reader(lines: Iterable[str], separator: Separator, *, quoted: bool) -> _csv.Reader:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=_MARKS[separator], quoting=quoting, strict=True)


def _found_separator(path: Path, content: bytes) -> Separator:
    """Return the separator of a CSV file, from its first rows."""
    by_mark = {name: _first_rows(content, name) for name in _MARKS}
    fitting = [name for name, rows in by_mark.items() if rows]
    if "comma" in fitting:
        decimal = [n for n in fitting if n != "comma" and _has_decimal_commas(by_mark[n])]
        fitting = ["comma", *decimal]
    if len(fitting) > 1:
        listed = " or ".join(f"separator={name}" for name in fitting)
        raise DataError(f"{path}: line 1 can be cut into columns at several marks; add {listed}.")
    return fitting[0] if fitting else "comma"


def _tab(path: Path, content: bytes) -> Separator:
    first = next((line for line in _lines(content) if line.strip()), "")
    others = [name for name in _MARKS if name != "tab" and _first_rows(content, name)]
    if "\t" not in first and others and not _DECIMAL_COMMA.fullmatch(first):
        raise DataError(
            f"{path}, line 1: no tab between columns; where they are separated by "
            f"a {' or a '.join(others)}, add format=csv."
        )
    return "tab"


def _first_rows(content: bytes, separator: Separator) -> list[list[str]]:
    """Return the first rows, cut at ``separator``; none where that is not into equal columns."""
    end = content.rfind(b"\n", 0, _SAMPLED_BYTES) + 1 or len(content)
    sample = content if len(content) <= _SAMPLED_BYTES else content[:end]
    reader = _reader(_lines(sample), separator, quoted=True)
    try:
        rows = list(itertools.islice(filter(None, reader), _SAMPLED_ROWS))
    except csv.Error:
        return []
    widths = set(map(len, rows))
    return rows if len(widths) == 1 and widths != {1} else []


def _has_decimal_commas(rows: list[list[str]]) -> bool:
    """Whether all values of a column, below the first row, are numbers with decimal commas."""
    return len(rows) > 1 and any(
        all(map(_DECIMAL_COMMA.fullmatch, column)) for column in zip(*rows[1:], strict=True)
    )


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
