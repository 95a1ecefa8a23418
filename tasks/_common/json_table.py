"""Tables from JSON: an object per line (JSON Lines), or an array of objects."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rnnbench.errors import DataError

from .table import NULL, Table

if TYPE_CHECKING:
    from pathlib import Path

_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT = 'a JSON object such as {"text": ..., "label": ...}'


def read_json(path: Path, content: bytes) -> Table:
    """Read objects; the keys of the first are the columns.

    Args:
        path: the words for the file in error messages.
        content: JSON Lines, or an array of objects, in UTF-8.

    Raises:
        DataError: malformed; the message names the line, in an array the row.
    """
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"[":
        return _table(path, "row", _items(path, content))
    return _table(path, "line", _lines(path, content))


def _lines(path: Path, content: bytes) -> Iterator[tuple[int, Any]]:
    # line by line, since a str of it all takes up to four times
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="\n")
    for line, row in enumerate(text, start=1):
        if row.strip():
            try:
                yield line, json.loads(row.rstrip("\n"))
            except (ValueError, RecursionError) as error:
                hint = (
                    " For one object or array over several lines, give an array of objects."
                    if line == 1
                    else ""
                )
                raise DataError(f"{path}, line {line}: malformed JSON ({error}).{hint}") from None


def _items(path: Path, content: bytes) -> Iterator[tuple[int, Any]]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: malformed JSON ({error}).") from None
    return enumerate(found, start=1)


def _table(path: Path, unit: str, items: Iterable[tuple[int, Any]]) -> Table:
    names: tuple[str, ...] = ()
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, found in items:
        place = f"{path}, {unit} {line}"
        if not isinstance(found, dict) or not found:
            raise DataError(f"{place}: not {_OBJECT}.")
        names = names or tuple(found)
        row = [_cell(found.get(name)) for name in names]
        if halves := [
            name for name, cell in zip(names, row, strict=True) if _SURROGATE.search(cell)
        ]:
            raise DataError(
                f"{place}: {halves[0]!r} has half of a surrogate pair, which is not a character."
            )
        rows.append(row)
        lines.append(line)
    return Table(str(path), names, rows, lines, unit)


def _cell(value: Any) -> str:
    if value is None:
        return NULL
    return value if isinstance(value, str) else json.dumps(value)
