"""Labelled rows of a data set: places in error messages, classes, stratified hold-out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rnnbench.errors import DataError

Indices = npt.NDArray[np.int64]
Rows = TypeVar("Rows", bound="LabelledRows")

_SPLIT_SEED = 0


@dataclass(frozen=True)
class LabelledRows(ABC):
    """N rows (texts, series, images) with their labels.

    Attributes:
        source: the words for the rows in an error message.
        labels: the N labels.
        lines: the line of each row in its file, counted from 1; empty where rows have no lines.
        unit: what ``lines`` count.
    """

    source: str
    labels: list[str]
    lines: list[int] = field(default_factory=list, kw_only=True)
    unit: str = field(default="line", kw_only=True)

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def at(self: Rows, index: Indices) -> Rows:
        """Return the rows at ``index`` (n,)."""

    def place(self, row: int) -> str:
        """Return the words for row ``row``, counted from 0, in an error message."""
        if self.lines:
            return f"{self.source}, {self.unit} {self.lines[row]}"
        return f"{self.source}, row {row + 1}"


Item = TypeVar("Item")


def taken(items: Sequence[Item], index: Indices) -> list[Item]:
    """Return the items at ``index`` (n,); none where there are no items."""
    return [items[i] for i in index.tolist()] if items else []


def hold_out(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Split off a ``share`` of each class, always the same rows: those kept and those held out."""
    kept, held = stratified(rows.labels, share, _SPLIT_SEED, rows.source)
    return rows.at(kept), rows.at(held)


def stratified(
    labels: Sequence[str], share: float, seed: int, source: str
) -> tuple[Indices, Indices]:
    """Hold out a ``share`` of each class, chosen by ``seed``.

    Not scikit-learn's ``train_test_split``: a core task cannot depend on an extra, and the import
    takes half a second in each trial process.

    Returns:
        The indices kept (n,) and those held out (m,), both in ascending order.

    Raises:
        DataError: nothing, or everything, would be held out.
    """
    names = np.asarray(labels)
    generator = np.random.Generator(np.random.PCG64(seed))
    held = np.zeros(len(names), dtype=bool)
    for name in np.unique(names):
        members = generator.permutation(np.flatnonzero(names == name))
        held[members[: round(share * len(members))]] = True
    if not held.any() or held.all():
        raise DataError(
            f"{source} has {len(names)} rows: too few to hold any out for validation and test."
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def class_names(labels: Sequence[str], source: str) -> tuple[str, ...]:
    """Return the classes: in numeric order if all are whole numbers, else in alphabetical order.

    Raises:
        DataError: there is only one.
    """
    names = set(labels)
    if len(names) < 2:
        raise DataError(
            f"{source}: every row for training has the label {names.pop()!r}; give two classes."
        )
    numbers = all(name.isdecimal() and len(name) < 10 for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if numbers else (0, name)))


def numbered(rows: LabelledRows, classes: tuple[str, ...]) -> Tensor:
    """Return the index in ``classes`` of each row's label, (N,) int64.

    Raises:
        DataError: a label is not among the classes, which are those of the training part.
    """
    index = {name: number for number, name in enumerate(classes)}
    for row, name in enumerate(rows.labels):
        if name not in index:
            raise DataError(
                f"{rows.place(row)}: the label {name!r} is not among the training labels "
                f"({', '.join(classes)})."
            )
    return torch.tensor([index[name] for name in rows.labels])
