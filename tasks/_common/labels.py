"""What classification tasks share: parts that keep the shares of the classes, and the simplest
classifiers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rnnbench.errors import DataError, one_line

Indices = npt.NDArray[np.int64]

_ROWS_AT_ONCE = 256


def stratified(
    labels: Sequence[str], share: float, seed: int, source: str
) -> tuple[Indices, Indices]:
    """Hold out a ``share`` of each class, chosen by ``seed``: the indices kept and held out, both
    in their old order.

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
    """Return the classes of the training part: as numbers in order where all are whole numbers,
    else by alphabet.

    Raises:
        DataError: there is but one.
    """
    names = set(labels)
    if len(names) < 2:
        raise DataError(
            f"{source}: every row for training has the label {one_line(repr(names.pop()), 80)}; give two classes."
        )
    numbers = all(name.isdecimal() and len(name) < 10 for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if numbers else (0, name)))


def numbered(
    labels: Sequence[str], classes: tuple[str, ...], place: Callable[[int], str]
) -> Tensor:
    """Return the number of each label's class, (N,) int64; ``place`` says where a message finds a
    row.

    Raises:
        DataError: a label is not among the classes, which are those of the training part.
    """
    index = {name: number for number, name in enumerate(classes)}
    for row, name in enumerate(labels):
        if name not in index:
            known = one_line(", ".join(classes), 200)
            raise DataError(
                f"{place(row)}: the label {one_line(repr(name), 80)} is not among the training labels ({known})."
            )
    return torch.tensor([index[name] for name in labels])


def majority_accuracy(train: Tensor, test: Tensor, source: str) -> float:
    """Return the share of ``test`` targets (N,) that are the most frequent of the ``train``
    targets.

    Raises:
        DataError: the test targets are all of one class, so that a constant answer could be
            perfect.
    """
    if (test == test[0]).all():
        raise DataError(f"{source}: every row for the test has the same class; nothing to measure.")
    return float((test == train.bincount().argmax()).double().mean())


def nearest_mean_accuracy(
    train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor
) -> float:
    """Return the test accuracy of choosing the class whose mean is nearest: features (N, F),
    targets (N,).
    """
    classes = int(train_targets.max()) + 1
    sums = torch.zeros(classes, train.shape[1], dtype=torch.float64).index_add_(
        0, train_targets, train.double()
    )
    means = sums / train_targets.bincount(minlength=classes)[:, None]  # (C, F)
    chosen = torch.cdist(test.double(), means).argmin(1)
    return float((chosen == test_targets).double().mean())


def nearest_neighbour_accuracy(
    train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor
) -> float:
    """Return the test accuracy of choosing the class of the nearest training row: features (N, F),
    targets (N,).
    """
    nearest = torch.cat(
        [torch.cdist(rows, train).argmin(1) for rows in torch.split(test, _ROWS_AT_ONCE)]
    )
    return float((train_targets[nearest] == test_targets).double().mean())
