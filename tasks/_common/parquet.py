"""Tables from Parquet files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rnnbench.errors import DataError

from .table import NULL, Table

if TYPE_CHECKING:
    from pathlib import Path


def read_parquet(path: Path, content: bytes) -> Table:
    """Read all columns as text cells: numbers in full precision, times in ISO 8601.

    Args:
        path: the words for the file in error messages.
        content: of the file.

    Raises:
        DataError: not a Parquet file, or a damaged one.
    """
    # not at the top: few runs read such files, and the import takes 0.2 s in each trial process
    import pyarrow as pa
    from pyarrow import parquet

    try:
        found = parquet.read_table(pa.BufferReader(content))
        columns = [[_cell(value) for value in column.to_pylist()] for column in found.columns]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} is not a readable Parquet file ({error}).") from None
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    return Table(
        str(path), tuple(found.column_names), rows, list(range(1, len(rows) + 1)), unit="row"
    )


def _cell(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):  # strings, where the writer did not annotate the column so
        try:
            return value.decode()
        except UnicodeDecodeError:
            return NULL
    if isinstance(value, bool | int | float | list | dict):
        return json.dumps(value, default=str)
    return str(value)  # a date, a time, a decimal number
