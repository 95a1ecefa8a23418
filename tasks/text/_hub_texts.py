"""Labelled texts from a Hugging Face data set."""

from __future__ import annotations

import hashlib
from typing import Any

from rnnbench.errors import DataError

from .._common.hub import HubDataset, require_columns
from ._texts import LabelledTexts, column_names


def read_hub_texts(
    hub: HubDataset, split: str, text: str | None, label: str | None
) -> LabelledTexts:
    """Read the texts and labels of a split; ``text`` and ``label`` name columns.

    Raises:
        OptionError: the extra is not installed.
        DataError: the data set, the split or a column is missing, or the split has no labels.
    """
    return texts_of(hub.load(split), hub.named(split), text, label)


def texts_of(found: Any, source: str, text: str | None, label: str | None) -> LabelledTexts:
    """Return the texts and labels of a ``datasets.Dataset``; named classes are given by name.

    Raises:
        DataError: a column is missing, a text is no string, or a label is withheld.
    """
    text, label = column_names(tuple(found.column_names), text, label, source)
    require_columns(found, source, text, label)
    texts = [_text(cell, source, row) for row, cell in enumerate(found[text])]
    if not texts:
        raise DataError(f"{source} is empty.")
    classes = getattr(found.features[label], "names", None)
    labels = [_label(cell, classes, source, row) for row, cell in enumerate(found[label])]
    return LabelledTexts(source, labels, texts=texts)


def checksum(*parts: LabelledTexts) -> str:
    """Return the SHA-256 of the texts and labels of ``parts``, in order."""
    digest = hashlib.sha256()
    for part in parts:
        for text, label in zip(part.texts, part.labels, strict=True):
            for field in (text.encode(), label.encode()):
                digest.update(len(field).to_bytes(8, "big"))  # else "ab", "c" would equal "a", "bc"
                digest.update(field)
        digest.update(b"end of part")
    return digest.hexdigest()


def _text(cell: Any, source: str, row: int) -> str:
    if not isinstance(cell, str):
        raise DataError(
            f"{source}, row {row + 1}: {repr(cell)[:60]} is not a text; "
            f"choose the column with text=NAME."
        )
    return cell


def _label(cell: Any, class_names: list[str] | None, source: str, row: int) -> str:
    if cell is None or (class_names is not None and cell == -1):  # -1 marks a withheld label
        raise DataError(
            f"{source}, row {row + 1}: no label; choose a split that has labels, "
            f"or hold the part out."
        )
    return class_names[cell] if class_names is not None else str(cell)
