"""Tables from files, by their format: CSV, TSV, JSON and Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rnnbench.errors import DataError

from .delimited import Separator, read_delimited
from .encodings import AUTO, as_utf8
from .files import read_bytes, suffix_of
from .json_table import read_json
from .parquet import read_parquet
from .table import Table

if TYPE_CHECKING:
    from pathlib import Path

FileFormat: TypeAlias = Literal["auto", "csv", "tsv", "jsonl", "json", "parquet"]

_FORMAT_BY_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Layout:
    """How a table is written in a file.

    Attributes:
        format: ``auto``: by the suffix.
        separator: the mark between the columns of CSV and TSV.
        encoding: of text; ``auto``: UTF-8, or by a byte order mark.
    """

    format: FileFormat = "auto"
    separator: Separator = "auto"
    encoding: str = AUTO


def read_rows(path: Path, layout: Layout) -> Table:
    """Read all rows of a file; the first row of a CSV or TSV file is not taken as a header.

    CSV has double quotes, and is separated by commas or another mark; TSV is tab-separated without
    quoting; JSON Lines has one object per line and JSON an array of objects, with the keys of the
    first as columns. Blank lines are skipped. Each may be gzipped.

    Raises:
        DataError: unreadable, of unknown format or encoding, empty, or malformed; the message names
            the line.
    """
    kind = _format_of(path, layout.format)
    if layout.separator != "auto" and kind not in ("csv", "tsv"):
        raise DataError(f"{path}: separator= is an option of CSV and TSV files; remove it.")
    content = read_bytes(path)
    if kind == "parquet":
        table = read_parquet(path, content)
    else:
        text = as_utf8(content, str(path), layout.encoding)
        table = (
            read_delimited(path, text, layout.separator, quoted=kind == "csv")
            if kind in ("csv", "tsv")
            else read_json(path, text)
        )
    if not table.rows:
        raise DataError(f"{path} is empty; give a file with data.")
    return table


def _format_of(path: Path, given: FileFormat) -> FileFormat:
    if given != "auto":
        return given
    try:
        return _FORMAT_BY_SUFFIX[suffix_of(path)]
    except KeyError:
        raise DataError(
            f"{path}: the format of {suffix_of(path)!r} is unknown; files that end in "
            f"{', '.join(_FORMAT_BY_SUFFIX)} are read, each also with .gz. Save the data as one of "
            f"these, or add format=csv, format=tsv, format=jsonl, format=json or format=parquet."
        ) from None
