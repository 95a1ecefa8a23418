"""Labelled texts, and how they are read from files."""

from __future__ import annotations

from dataclasses import dataclass, field
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

TEXT_COLUMNS = ("text", "sentence")
LABEL_COLUMN = "label"


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their labels.

    Attributes:
        source: what a message calls them.
        lines: the line of each in its file, counted from 1; empty where they come from none.
    """

    source: str
    texts: list[str]
    labels: list[str]
    lines: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, index: list[int]) -> LabelledTexts:
        """Return those at ``index``."""
        lines = [self.lines[i] for i in index] if self.lines else []
        return LabelledTexts(
            self.source, [self.texts[i] for i in index], [self.labels[i] for i in index], lines
        )

    def place(self, row: int) -> str:
        """Return where a message says that text ``row`` stands."""
        return (
            f"{self.source}, line {self.lines[row]}"
            if self.lines
            else f"{self.source}, row {row + 1}"
        )


def read_texts(
    path: Path, text: str | None, label: str | None, header: Header, kind: FileFormat
) -> LabelledTexts:
    """Read the columns ``text`` and ``label``, each a name or a position counted from 0.

    Left out, they are the columns called "text" or "sentence" and "label" where there is a header,
    otherwise 0 and 1. ``header="auto"`` takes the first row as names if a column is asked for by
    name, or if one of its cells is "label".

    Raises:
        DataError: the file cannot be read or has no such column, or a label is missing.
    """
    table = read_rows(path, format_of(path, kind))
    if table.names is None and _has_header(table, text, label, header):
        table = take_header(table)
    text, label = column_names(table.names or (), text, label)
    labels = [cell.strip() for cell in table.column(label)]
    if "" in labels:
        raise table.fault(labels.index(""), "the label is missing.")
    return LabelledTexts(str(path), table.column(text), labels, table.lines)


def column_names(names: tuple[str, ...], text: str | None, label: str | None) -> tuple[str, str]:
    """Return the columns to read, of a table whose columns are ``names`` (none: known by position
    alone).
    """
    if names:
        return text or next(
            (name for name in TEXT_COLUMNS if name in names), TEXT_COLUMNS[0]
        ), label or LABEL_COLUMN
    return text or "0", label or "1"


def _has_header(table: Table, text: str | None, label: str | None, header: Header) -> bool:
    if header != "auto":
        return header
    by_name = any(wanted is not None and not is_position(wanted) for wanted in (text, label))
    return by_name or LABEL_COLUMN in (cell.strip() for cell in table.rows[0])


def hold_out(texts: LabelledTexts, share: float, seed: int) -> tuple[LabelledTexts, LabelledTexts]:
    """Split off a random ``share`` (at least one text), chosen by ``seed``: the rest, and what was
    held out.

    Raises:
        DataError: there are too few texts to leave any.
    """
    count = max(1, round(share * len(texts)))
    if count >= len(texts):
        raise DataError(
            f"{texts.source} has {len(texts)} texts: too few to hold any out for validation and test."
        )
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(texts)).tolist()
    return texts.at(sorted(order[count:])), texts.at(sorted(order[:count]))
