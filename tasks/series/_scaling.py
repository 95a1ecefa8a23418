"""Standardisation of columns: mean 0 and standard deviation 1 over the training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnbench.errors import DataError

from ._series import Series


@dataclass(frozen=True)
class Scaling:
    """Means ``location`` and standard deviations ``scale`` of K columns, each (K,)."""

    location: Series
    scale: Series

    @classmethod
    def of(cls, training: Series, places: Sequence[str]) -> Scaling:
        """Fit the training part (n, K); a column that is constant there gets scale 1.

        Args:
            training: the training part.
            places: the words for each column in an error message.

        Raises:
            DataError: the values of a column are too large.
        """
        # not scikit-learn's StandardScaler: a core task cannot depend on an extra
        columns = [np.ascontiguousarray(column) for column in training.T]
        with np.errstate(over="ignore", invalid="ignore"):
            location = np.array([column.mean() for column in columns])
            scale = np.array([column.std() for column in columns])
        for place, deviation in zip(places, scale, strict=True):
            if not np.isfinite(deviation):
                raise DataError(
                    f"{place}: the training part cannot be scaled, "
                    f"its standard deviation is {deviation}."
                )
        return cls(location, np.where(scale > 0, scale, 1.0))

    def apply(self, values: Series) -> Series:
        """Return scaled values (N, K)."""
        return np.asarray((values - self.location) / self.scale)

    def undo(self, values: Series, column: int) -> Series:
        """Return scaled values (n,) of one column in its own unit."""
        return np.asarray(values * self.scale[column] + self.location[column])
