"""Hugging Face data sets, and the labelled texts in them; needs the extra ``datasets``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.errors import DataError, OptionError, did_you_mean, one_line

from ..text._texts import LabelledTexts, column_names


@dataclass(frozen=True)
class HubDataset:
    """A data set by its name on the hub, at a pinned revision, or a folder of data files on this
    machine.

    Attributes:
        name: e.g. ``"owner/name"``, or a folder.
        revision: the commit on the hub; a folder needs none.
        subset: the configuration, where the data set has several.
    """

    name: str
    revision: str | None
    subset: str | None

    def __post_init__(self) -> None:
        if self.revision is None and not Path(self.name).is_dir():
            raise OptionError(
                f"hf={one_line(self.name, 80)} needs revision=COMMIT, so that the same data come back every time; "
                f"the commits are on the data set's page under Files and versions > History."
            )

    def read(self, split: str, text: str | None, label: str | None) -> LabelledTexts:
        """Read the texts of a split.

        Raises:
            OptionError: the extra is not installed.
            DataError: the data set, the split or a column cannot be had, or the split has no
                labels.
        """
        return texts_of(self.load(split), self.named(split), text, label)

    def load(self, split: str) -> Any:
        """Return a split as a ``datasets.Dataset``, from the cache where it was read before.

        Raises:
            OptionError: the extra is not installed.
            DataError: the data set or the split cannot be had.
        """
        try:
            import datasets
        except ImportError:
            raise OptionError(
                "hf=... needs the extra 'datasets'; type: pip install 'rnnbench[datasets]'."
            ) from None
        datasets.disable_progress_bars()
        try:
            return datasets.load_dataset(
                self.name, self.subset, split=split, revision=self.revision
            )
        except (
            Exception
        ) as error:  # the library raises whatever its file readers and its network raise
            raise DataError(
                f"{self.named(split)} cannot be loaded: {one_line(error, 300).rstrip('.')}. {self._next_to_type(split)}"
            ) from error

    def _next_to_type(self, split: str) -> str:
        if Path(self.name).is_dir():
            return f"Is there a {split!r} among the names of its files?"
        return "Without a network, download the data set's files elsewhere and give their folder, hf=FOLDER."

    def named(self, split: str) -> str:
        """Return what a message calls a split."""
        return f"data set {one_line(self.name, 80)!r}, split {split!r}"


def texts_of(found: Any, source: str, text: str | None, label: str | None) -> LabelledTexts:
    """Take the texts and labels out of a ``datasets.Dataset``, classes by their names where it
    knows them.

    Raises:
        DataError: a column is missing, a text is none, or a label is withheld.
    """
    names = tuple(found.column_names)
    text, label = column_names(names, text, label)
    require_columns(found, source, text, label)
    texts = [_text(cell, source, row) for row, cell in enumerate(found[text])]
    if not texts:
        raise DataError(f"{source} is empty.")
    classes = getattr(found.features[label], "names", None)
    return LabelledTexts(
        source, texts, [_label(cell, classes, source, row) for row, cell in enumerate(found[label])]
    )


def require_columns(found: Any, source: str, *wanted: str) -> None:
    """Raise :class:`DataError` unless a ``datasets.Dataset`` has the columns ``wanted``; the near
    one is suggested.
    """
    names = found.column_names
    for name in wanted:
        if name not in names:
            raise DataError(
                f"{source} has no column {one_line(name, 80)!r}.{did_you_mean(name, names)} "
                f"Its columns: {one_line(', '.join(names), 300)}."
            )


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
            f"{source}, row {row + 1}: {one_line(repr(cell), 60)} is no text; choose the column with text=NAME."
        )
    return cell


def _label(cell: Any, class_names: list[str] | None, source: str, row: int) -> str:
    if cell is None or (class_names is not None and cell == -1):  # -1 marks a withheld label
        raise DataError(
            f"{source}, row {row + 1}: no label; choose a split that has labels, or hold the part out."
        )
    return class_names[cell] if class_names is not None else str(cell)
