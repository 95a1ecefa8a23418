"""Replacement of missing values of series without knowledge of later parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from rnnbench.errors import DataError

if TYPE_CHECKING:
    from ._series import Series

Fill: TypeAlias = Literal["none", "forward", "mean", "linear"]


def filled(values: Series, method: Fill, training: int, places: Sequence[str]) -> Series:
    """Return series (N, K) without missing values, which are NaN.

    A value after the training part depends on no later value, and one in it on no value after it:

    - ``mean``: the mean of the known training values;
    - ``forward``: the last known value before; that mean where there is none;
    - ``linear``: between two known training values the straight line, before the first of them that
      value; after the last one as ``forward``, since a line would end at a future value.

    Args:
        values: the series.
        method: not ``none`` where a value is missing.
        training: number of rows of the training part.
        places: the words for each column in an error message.

    Raises:
        DataError: a column has no known value in its training part.
    """
    known = ~np.isnan(values)
    if known.all():
        return values
    if missing := np.flatnonzero(~known[:training].any(axis=0)).tolist():
        raise DataError(f"{places[missing[0]]} has no value in its training part.")
    columns = [
        _filled_column(column, there, method, training)
        for column, there in zip(values.T, known.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def _filled_column(values: Series, known: np.ndarray, method: Fill, training: int) -> Series:
    rows = np.arange(len(values))
    mean = values[:training][known[:training]].mean()
    if method == "mean":
        return np.where(known, values, mean)
    if method == "linear":
        given = np.flatnonzero(known[:training])
        inside = rows <= given[-1]
        values = np.where(inside & ~known, np.interp(rows, given, values[given]), values)
        known = known | inside
    last = np.maximum.accumulate(np.where(known, rows, -1))  # -1 before the first known value
    return np.where(last >= 0, values[np.maximum(last, 0)], mean)
