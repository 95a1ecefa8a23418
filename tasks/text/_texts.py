"""Labelled texts, read from files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.errors import DataError

from .._common.labels import LabelledRows, taken
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

    from .._common.labels import Indices

TEXT_COLUMNS = ("text", "sentence")
LABEL_COLUMN = "label"


@dataclass(frozen=True)
class LabelledTexts(LabelledRows):
    """N texts with their labels."""

    texts: list[str]

    def at(self, index: Indices) -> LabelledTexts:
        """Return the texts at ``index`` (n,)."""
        labels, texts = taken(self.labels, index), taken(self.texts, index)
        return LabelledTexts(self.source, labels, texts, lines=taken(self.lines, index))


def read_texts(
    path: Path, text: str | None, label: str | None, header: Header, kind: FileFormat
) -> LabelledTexts:
    """Read the columns ``text`` and ``label``, each a name or a position counted from 0.

    The defaults are "text" or "sentence" and "label" where there is a header, else 0 and 1.
    ``header="auto"`` takes the first row as a header if a column is given by name, or if one of its
    cells is "label".

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
    return LabelledTexts(str(path), labels, table.column(text), lines=table.lines)


def column_names(names: tuple[str, ...], text: str | None, label: str | None) -> tuple[str, str]:
    """Return the columns of texts and labels, given or by default.

    ``names`` are all columns of the table; it is empty where there is no header.
    """
    if not names:
        return text or "0", label or "1"
    default = next((name for name in TEXT_COLUMNS if name in names), TEXT_COLUMNS[0])
    return text or default, label or LABEL_COLUMN


def _has_header(table: Table, text: str | None, label: str | None, header: Header) -> bool:
    if header != "auto":
        return header
    by_name = any(wanted is not None and not is_position(wanted) for wanted in (text, label))
    return by_name or LABEL_COLUMN in (cell.strip() for cell in table.rows[0])


def hold_out_texts(
    texts: LabelledTexts, share: float, seed: int
) -> tuple[LabelledTexts, LabelledTexts]:
    """Split off a random ``share`` of the texts (at least one), chosen by ``seed``.

    Returns:
        The texts kept and those held out, both in their order.

    Raises:
        DataError: there are too few texts to keep any.
    """
    count = max(1, round(share * len(texts)))
    if count >= len(texts):
        raise DataError(
            f"{texts.source} has {len(texts)} texts: "
            f"too few to hold any out for validation and test."
        )
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(texts))
    return texts.at(np.sort(order[count:])), texts.at(np.sort(order[:count]))
