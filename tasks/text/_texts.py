"""Labelled texts, read from files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.errors import DataError, did_you_mean

from .._common.labels import LabelledRows, taken
from .._common.table import NULL, Header, Table, is_position, take_header
from .._common.table_files import Layout, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from .._common.labels import Indices

TEXT_COLUMNS = ("text", "sentence")
LABEL_COLUMN = "label"
FURTHER_TEXT_COLUMNS = frozenset({
    "abstract", "article", "body", "comment", "comments", "content", "description", "document",
    "email", "headline", "message", "news", "passage", "phrase", "post", "question", "query",
    "review", "reviews", "sentences", "sms", "snippet", "summary", "title", "tweet", "tweets",
    "utterance",
})  # fmt: skip
FURTHER_LABEL_COLUMNS = frozenset({
    "annotation", "author", "categories", "category", "class", "class_label", "classes", "domain",
    "emotion", "genre", "gold_label", "intent", "is_spam", "label_text", "labels", "lang",
    "language", "polarity", "rating", "sentiment", "spam", "stance", "stars", "tag", "target",
    "topic",
})  # fmt: skip
"""Names of columns in published corpora, in lower case."""


@dataclass(frozen=True)
class LabelledTexts(LabelledRows):
    """N texts with their labels."""

    texts: list[str]

    def at(self, index: Indices) -> LabelledTexts:
        """Return the texts at ``index`` (n,)."""
        labels, texts = taken(self.labels, index), taken(self.texts, index)
        return replace(self, labels=labels, texts=texts, lines=taken(self.lines, index))


def read_texts(
    path: Path,
    text: str | None,
    label: str | None,
    header: Header,
    layout: Layout,
    *,
    training: bool = True,
) -> LabelledTexts:
    """Read the columns ``text`` and ``label``, each a name or a position counted from 0.

    The defaults are those of :func:`column_names`. ``header="auto"`` takes the first row as a
    header if a column is given by name, if one of its cells is "label", or if it has a usual name
    of a column of texts and one of labels. With ``training``, a first row that it takes for a text
    must share its label with another row.

    Raises:
        DataError: the file cannot be read or has no such column, a text or label is missing, or it
            is in doubt whether the first row is a header.
    """
    table = read_rows(path, layout)
    if table.names is None and _has_header(table, text, label, header):
        table = take_header(table)
    text, label = column_names(table.names or (), text, label, str(path))
    texts, labels = table.column(text), [cell.strip() for cell in table.column(label)]
    for name, cells in ((text, texts), (label, table.column(label))):
        for row in (row for row, cell in enumerate(cells) if cell is NULL):
            raise table.fault(row, f"{name!r} is missing or null.")
    if "" in labels:
        raise table.fault(labels.index(""), "the label is missing.")
    if training and header == "auto" and table.names is None and _is_alone(labels):
        raise table.fault(
            0,
            f"no other row has the label {labels[0]!r}; add header=true if this row names the "
            f"columns, or header=false if it is a text.",
        )
    return LabelledTexts(str(path), labels, texts, lines=table.lines, unit=table.unit)


def _is_alone(labels: list[str]) -> bool:
    """Whether the first label is of one row only, while others are of several."""
    return labels.count(labels[0]) == 1 and len(set(labels)) < len(labels)


def column_names(
    names: tuple[str, ...], text: str | None, label: str | None, source: str
) -> tuple[str, str]:
    """Return the columns of texts and labels, given or by default.

    The defaults are "text" or "sentence" and "label", else the only column with a usual name, and
    without a header 0 and 1.

    Args:
        names: of all columns; empty where there is no header.
        text: column of the texts, if given.
        label: column of the labels, if given.
        source: the words for the table in an error message.

    Raises:
        DataError: no column has a usual name, or several have.
    """
    if not names:
        return text or "0", label or "1"
    return (
        text or _default(names, "text", TEXT_COLUMNS, FURTHER_TEXT_COLUMNS, source),
        label or _default(names, "label", (LABEL_COLUMN,), FURTHER_LABEL_COLUMNS, source),
    )


def _default(
    names: tuple[str, ...],
    option: str,
    first: tuple[str, ...],
    further: frozenset[str],
    source: str,
) -> str:
    for name in first:
        if name in names:
            return name
    usual = [name for name in names if name.lower() in further or name.lower() in first]
    if len(usual) > 1:
        raise DataError(
            f"{source} has several columns that may be the {option}s: {', '.join(usual)}; "
            f"add {option}=NAME."
        )
    if not usual:
        raise DataError(
            f"{source} has no column {first[0]!r}.{did_you_mean(first[0], names)} "
            f"Its columns: {', '.join(names)}. Choose one with {option}=NAME."
        )
    return usual[0]


def _has_header(table: Table, text: str | None, label: str | None, header: Header) -> bool:
    if header != "auto":
        return header
    first = [cell.strip() for cell in table.rows[0]]
    by_name = any(wanted is not None and not is_position(wanted) for wanted in (text, label))
    return by_name or LABEL_COLUMN in first or _names_columns(first, table)


def _names_columns(first: list[str], table: Table) -> bool:
    """Whether the first row has usual names of columns, and no value of the one of labels."""
    usual = [cell.lower() for cell in first]
    texts = [cell in FURTHER_TEXT_COLUMNS or cell in TEXT_COLUMNS for cell in usual]
    labels = [
        index
        for index, cell in enumerate(usual)
        if cell in FURTHER_LABEL_COLUMNS or cell == LABEL_COLUMN
    ]
    return any(texts) and any(
        all(row[index].strip() != first[index] for row in table.rows[1:]) for index in labels
    )


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
