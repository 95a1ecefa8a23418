"""Chronological split of a sequence into training, validation and test part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Cut:
    """The boundaries of the parts of N values in time.

    Training is ``[0, first)``, validation ``[first, second)``, test ``[second, N)``.
    """

    first: int
    second: int

    @classmethod
    def at(cls, n: int, train: float, validation: float) -> Cut:
        """Cut ``n`` values by the shares of training and validation; the rest is the test part."""
        return cls(round(n * train), round(n * (train + validation)))

    def lengths(self, n: int) -> tuple[int, int, int]:
        """Return how many of ``n`` values each part has."""
        return self.first, self.second - self.first, n - self.second

    def parts(
        self, values: npt.NDArray[Scalar]
    ) -> tuple[npt.NDArray[Scalar], npt.NDArray[Scalar], npt.NDArray[Scalar]]:
        """Return the training, validation and test part of ``values`` (N, ...), without a copy."""
        return values[: self.first], values[self.first : self.second], values[self.second :]


def check_parts(train: float, validation: float) -> None:
    """Raise ``ValueError`` unless the shares of training and validation leave a test part."""
    if train + validation >= 1:
        raise ValueError(
            f"train={train} and validation={validation} leave nothing for the test; "
            f"their sum must be below 1."
        )
