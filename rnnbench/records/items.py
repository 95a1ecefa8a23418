"""Test results item by item, compactly: bits for values of 0 and 1, else float32."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from rnnbench.records.base import Data

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_ITEMS = 20_000
"""A test set with more items is recorded without them, which bounds a record at about 200 kB."""


class ItemScores(Data):
    """The metric's value for every test item of a finite task, in the order of the test set.

    An item is one sequence (row, window) of the test set. Its value is the weighted mean of the
    metric's values over its predictions, and its weight the sum of their weights, so that the
    weighted mean over items is the mean that the score is computed from (exactly for values of 0
    and 1, else up to the rounding of float32).
    """

    count: PositiveInt = Field(le=MOST_ITEMS)
    block: PositiveInt
    """Number of neighbouring items that depend on each other; 1: all are independent."""
    kind: Literal["bits", "float32"]
    slope: float
    """Change of the score with the weighted mean, at that mean; 1 where the score is the mean."""
    packed_values: str
    """Base64 of zlib of the values: bits, most significant first, or little-endian float32."""
    packed_weights: str | None = None
    """Likewise the weights as float32; ``None`` when all are equal."""

    @classmethod
    def of(
        cls,
        values: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64] | None = None,
        *,
        block: int = 1,
        slope: float = 1.0,
    ) -> Self:
        """Pack values (N,) and weights (N,); no weights means equal ones."""
        import numpy as np

        of_bits = bool(np.isin(values, (0.0, 1.0)).all())
        equal = weights is None or bool((weights == weights[0]).all())
        return cls(
            count=len(values),
            block=block,
            slope=slope,
            kind="bits" if of_bits else "float32",
            packed_values=_packed(
                np.packbits(values.astype(bool)) if of_bits else values.astype("<f4")
            ),
            packed_weights=None if weights is None or equal else _packed(weights.astype("<f4")),
        )

    def values(self) -> npt.NDArray[np.float64]:
        """Return the value of each item, (N,)."""
        import numpy as np

        content = _unpacked(self.packed_values, self._bytes_of_values)
        if self.kind == "bits":
            return np.unpackbits(np.frombuffer(content, np.uint8), count=self.count).astype(float)
        return np.frombuffer(content, "<f4").astype(float)

    def weights(self) -> npt.NDArray[np.float64]:
        """Return the weight of each item, (N,); 1 where all are equal."""
        import numpy as np

        if self.packed_weights is None:
            return np.ones(self.count)
        return np.frombuffer(_unpacked(self.packed_weights, 4 * self.count), "<f4").astype(float)

    def coarse(self) -> Self:
        """Return items whose values are rounded to eight bits of the mantissa, within 0.2 %."""
        import numpy as np

        if self.kind == "bits":
            return self
        bits = self.values().astype("<f4").view("<u4").astype(np.uint64)
        # The exponent follows the mantissa, so that a carry into it rounds up correctly. Values
        # that are not finite, and those that would become so, are kept.
        rounded = ((bits + 0x4000) & 0xFFFF8000).astype("<u4").view("<f4")
        kept = np.where(np.isfinite(rounded), rounded, self.values()).astype("<f4")
        return self.model_copy(update={"packed_values": _packed(kept)})

    @property
    def _bytes_of_values(self) -> int:
        return -(-self.count // 8) if self.kind == "bits" else 4 * self.count

    @model_validator(mode="after")
    def _can_be_unpacked(self) -> Self:
        _unpacked(self.packed_values, self._bytes_of_values)
        if self.packed_weights is not None:
            _unpacked(self.packed_weights, 4 * self.count)
        return self


def _packed(array: npt.NDArray[np.generic]) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 9)).decode("ascii")


def _unpacked(text: str, size: int) -> bytes:
    """Return the bytes of a packed array; raise ``ValueError`` unless there are ``size``."""
    stream = zlib.decompressobj()
    try:
        # one byte more than expected: a longer stream is noticed and never unpacked
        content = stream.decompress(base64.b64decode(text, validate=True), size + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"packed items cannot be read: {error}") from None
    if len(content) != size or not stream.eof:
        raise ValueError(f"packed items do not have the {size} bytes that their number requires")
    return content
