"""Cell arrays of matrices from files of MATLAB 5 to 7.

Not ``scipy.io.loadmat``, whose compiled reader crashes on a file with one damaged byte. The tests
compare the two. The format is Level 5 of "MAT-File Format" (The MathWorks).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

_HEADER, _TAG, _ALIGNMENT = 128, 8, 8
_MATRIX, _COMPRESSED = 14, 15
_UINT8 = 2
_CELL, _OPAQUE = 1, 17
_NUMERIC = range(6, 16)
"""Classes of matrices of numbers, of logical values among them."""
_COMPLEX = 0x0800
_TYPES = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
"""Types of stored numbers, which may be shorter than those of their class."""
_CHUNK = 1 << 20

Matrix = npt.NDArray[Any]


class MatlabError(ValueError):
    """A file that cannot be read; the text is the reason."""


@dataclass(frozen=True)
class _Array:
    """The head of an array, and the elements that follow it."""

    name: str
    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    rest: memoryview


def read_cells(content: bytes, most_bytes: int) -> dict[str, list[Matrix] | None]:
    """Return the variables of a file by name: the matrices of a cell array, in column order.

    The value of a variable that is no cell array is ``None``.

    Args:
        content: of the file.
        most_bytes: limit of all compressed variables together when they are unpacked.

    Raises:
        MatlabError: not such a file, damaged, too large, or with a cell that is no matrix of real
            numbers.
    """
    order: Literal["little", "big"]
    mark = content[_HEADER - 2 : _HEADER]
    if mark not in (b"IM", b"MI"):
        raise MatlabError("not a file of MATLAB 5 to 7")
    order = "little" if mark == b"IM" else "big"
    reader = _Reader(order)
    found: dict[str, list[Matrix] | None] = {}
    for kind, data, _ in reader.elements(memoryview(content)[_HEADER:]):
        element = data
        if kind == _COMPRESSED:
            unpacked = _unpacked(data, most_bytes)
            most_bytes -= len(unpacked)
            kind, element, _ = next(reader.elements(unpacked))
        if kind != _MATRIX:
            raise MatlabError(f"an element of type {kind} where a variable is expected")
        array = reader.array(element)
        # the file's own notes have no name
        if array is not None and array.name:
            found[array.name] = reader.cells(array) if array.kind == _CELL else None
    return found


class _Reader:
    """Reads elements in one byte order."""

    def __init__(self, order: Literal["little", "big"]) -> None:
        self._order = order
        self._prefix = "<" if order == "little" else ">"

    def elements(self, data: memoryview) -> Iterator[tuple[int, memoryview, int]]:
        """Yield type and content of each element, and the place of the following one."""
        start = 0
        while start < len(data):
            if start + _TAG > len(data):
                raise MatlabError("it ends within a tag")
            kind, size = self._number(data, start), self._number(data, start + 4)
            if kind >> 16:  # up to 4 bytes stand within the tag
                kind, size = kind & 0xFFFF, kind >> 16
                first, following = start + 4, start + _TAG
            else:
                first = start + _TAG
                following = first + size + (0 if kind == _COMPRESSED else -size % _ALIGNMENT)
            if first + size > min(following, len(data)):
                raise MatlabError("it ends within an element")
            yield kind, data[first : first + size], following
            start = following

    def _number(self, data: memoryview, start: int) -> int:
        return int.from_bytes(data[start : start + 4], self._order)

    def array(self, data: memoryview) -> _Array | None:
        """Return the head of an array; ``None`` for a class that has another head."""
        parts = self.elements(data)
        try:
            _, flags, _ = next(parts)
            kind = self._number(flags, 0)
            if kind & 0xFF == _OPAQUE:
                return None
            _, sizes, _ = next(parts)
            _, name, following = next(parts)
        except StopIteration:
            raise MatlabError("it ends within the head of an array") from None
        shape = tuple(self._number(sizes, start) for start in range(0, len(sizes), 4))
        if len(shape) < 2:
            raise MatlabError("an array without a shape")
        return _Array(
            name=bytes(name).decode("latin-1"),
            kind=kind & 0xFF,
            is_complex=bool(kind & _COMPLEX),
            shape=shape,
            rest=data[following:],
        )

    def cells(self, array: _Array) -> list[Matrix]:
        """Return the matrices of a cell array."""
        found = []
        for kind, data, _ in self.elements(array.rest):
            if kind != _MATRIX:
                raise MatlabError(f"an element of type {kind} in {array.name!r}")
            # an empty cell has no head
            found.append(self._matrix(array.name, data) if data else np.zeros((0, 0)))
        if len(found) != math.prod(array.shape):
            raise MatlabError(f"{array.name!r} has {len(found)} of {math.prod(array.shape)} cells")
        return found

    def _matrix(self, owner: str, data: memoryview) -> Matrix:
        cell = self.array(data)
        if cell is None or cell.kind not in _NUMERIC or cell.is_complex:
            raise MatlabError(f"a cell of {owner!r} is no matrix of real numbers")
        kind, numbers, _ = next(self.elements(cell.rest), (_UINT8, memoryview(b""), 0))
        if kind not in _TYPES:
            raise MatlabError(f"numbers of type {kind} in {owner!r}")
        dtype = np.dtype(f"{self._prefix}{_TYPES[kind]}")
        if len(numbers) != math.prod(cell.shape) * dtype.itemsize:
            raise MatlabError(f"a matrix of {owner!r} has not the numbers of its shape")
        return np.frombuffer(bytes(numbers), dtype).reshape(cell.shape, order="F")


def _unpacked(packed: memoryview, most: int) -> memoryview:
    stream, pieces, total = zlib.decompressobj(), [], 0
    left: bytes | memoryview = packed
    try:
        while left and not stream.eof:
            pieces.append(stream.decompress(left, _CHUNK))
            left = stream.unconsumed_tail
            total += len(pieces[-1])
            if total > most:
                raise MatlabError("it is too large when unpacked")
    except zlib.error as error:
        raise MatlabError(f"its compressed data are damaged: {error}") from None
    if not stream.eof:
        raise MatlabError("its compressed data end too early")
    if not total:
        raise MatlabError("an empty variable")
    return memoryview(b"".join(pieces))
