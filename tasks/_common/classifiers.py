"""Test accuracies of simple classifiers.

Not scikit-learn's: a core task cannot depend on an extra, and its import takes half a second in
each trial process.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.errors import DataError

_ROWS_AT_ONCE = 256


def largest_share(targets: Tensor, source: str) -> float:
    """Return the share of the most frequent class of test targets (N,): the best constant answer.

    Raises:
        DataError: the test targets are all of one class: a constant answer could be perfect.
    """
    if (targets == targets[0]).all():
        raise DataError(f"{source}: every row for the test has the same class; nothing to measure.")
    return int(targets.bincount().max()) / len(targets)


def nearest_mean_accuracy(
    train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor
) -> float:
    """Return the test accuracy of the class with the nearest mean.

    Features are (N, F), targets (N,).
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
    """Return the test accuracy of the class of the nearest training row (Euclidean distance).

    Features are (N, F), targets (N,).
    """
    nearest = torch.cat(
        [torch.cdist(rows, train).argmin(1) for rows in torch.split(test, _ROWS_AT_ONCE)]
    )
    return float((train_targets[nearest] == test_targets).double().mean())
