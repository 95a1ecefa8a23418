"""Simple predictors of piano rolls, fitted to training pieces by counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ._rolls import Roll


def frequency_score(train: Sequence[Roll], test: Sequence[Roll]) -> float:
    """Return the test NLL per frame of independent notes with their training frequencies.

    No predictor without an input, fitted to the training part by maximum likelihood, is better.
    """
    _, following = _pairs(train)
    p = _estimated(following.sum(0), len(following))
    _, targets = _pairs(test)
    return _score(np.broadcast_to(p, targets.shape), targets)


def last_frame_score(train: Sequence[Roll], test: Sequence[Roll]) -> float:
    """Return the test NLL per frame of a Markov chain for each note, which reads the last frame."""
    last, following = _pairs(train)
    if_on = _estimated((last & following).sum(0), last.sum(0))
    if_off = _estimated(((1 - last) & following).sum(0), (1 - last).sum(0))
    seen, targets = _pairs(test)
    return _score(np.where(seen == 1, if_on, if_off), targets)


def _pairs(pieces: Sequence[Roll]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return all frames but the last of each piece, and those that follow them: 2 x (N, D)."""
    seen = np.concatenate([piece[:-1] for piece in pieces]).astype(np.int64)
    following = np.concatenate([piece[1:] for piece in pieces]).astype(np.int64)
    return seen, following


def _estimated(
    ones: npt.NDArray[np.int64], total: npt.NDArray[np.int64] | int
) -> npt.NDArray[np.float64]:
    """Return probabilities by the estimator of Krichevsky and Trofimov (1981), never 0 or 1."""
    estimated: npt.NDArray[np.float64] = (ones + 0.5) / (np.asarray(total) + 1)
    return estimated


def _score(p: npt.NDArray[np.float64], targets: npt.NDArray[np.int64]) -> float:
    return float(-np.where(targets == 1, np.log(p), np.log1p(-p)).sum(1).mean())
