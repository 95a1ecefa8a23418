"""Hugging Face data sets; needs the extra ``datasets``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.errors import DataError, OptionError, did_you_mean


@dataclass(frozen=True)
class HubDataset:
    """A data set on the hub at a pinned revision, or a local folder of data files.

    Attributes:
        name: e.g. ``"owner/name"``, or a folder.
        revision: the commit on the hub; not needed for a folder.
        subset: the configuration, where the data set has several.
    """

    name: str
    revision: str | None
    subset: str | None

    def __post_init__(self) -> None:
        if self.revision is None and not Path(self.name).is_dir():
            raise OptionError(
                f"hf={self.name} needs revision=COMMIT, so that every run reads the same data; "
                f"commits are listed on the data set's page under Files and versions > History."
            )

    def load(self, split: str) -> Any:
        """Return a split as a ``datasets.Dataset``, from the local cache where possible.

        Raises:
            OptionError: the extra is not installed.
            DataError: the data set or the split is not available.
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
        # the library raises all exceptions of its file readers and of its network client
        except Exception as error:
            reason = str(error).rstrip(".")
            raise DataError(
                f"{self.named(split)} cannot be loaded: {reason}. {self._hint(split)}"
            ) from error

    def _hint(self, split: str) -> str:
        if Path(self.name).is_dir():
            return f"Is there a {split!r} among the names of its files?"
        return "Without a network, download the data set's files elsewhere and give hf=FOLDER."

    def named(self, split: str) -> str:
        """Return the words for a split in an error message."""
        return f"data set {self.name!r}, split {split!r}"


def require_columns(found: Any, source: str, *wanted: str) -> None:
    """Check that a ``datasets.Dataset`` has the columns ``wanted``.

    Raises:
        DataError: a column is missing; the nearest is suggested.
    """
    names = found.column_names
    for name in wanted:
        if name not in names:
            raise DataError(
                f"{source} has no column {name!r}.{did_you_mean(name, names)} "
                f"Its columns: {', '.join(names)}."
            )
