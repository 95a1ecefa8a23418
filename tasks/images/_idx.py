"""Arrays of bytes from IDX files, the format of MNIST (LeCun et al. 1998), plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from rnnbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

Bytes = npt.NDArray[np.uint8]

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = 0x08
_MAX_BYTES = 1 << 31


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_idx(path: Path, dimensions: int) -> Bytes:
    """Read an array of unsigned bytes that has ``dimensions`` axes.

    Raises:
        DataError: unreadable, no IDX file of that kind, empty, or not of the size in its header.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP
            file.seek(0)
            return _parsed(path, gzip.GzipFile(fileobj=file) if compressed else file, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the compressed content is damaged ({error}).") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def as_idx(array: Bytes) -> bytes:
    """Return the content of a plain IDX file that holds ``array``."""
    header = bytes([0, 0, _UNSIGNED_BYTES, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def _parsed(path: Path, content: _Readable, dimensions: int) -> Bytes:
    magic = content.read(4)
    if magic[:3] != bytes([0, 0, _UNSIGNED_BYTES]) or len(magic) < 4:
        raise DataError(f"{path} is not an IDX file of unsigned bytes; give files as of MNIST.")
    if magic[3] != dimensions:
        raise DataError(
            f"{path} holds an array of {magic[3]} dimensions where {dimensions} were expected"
            f"{_hint(dimensions)}"
        )
    header = content.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise DataError(f"{path} ends within its header.")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    size = math.prod(shape)
    if size == 0:
        raise DataError(f"{path} is empty: its header says {' x '.join(map(str, shape))}.")
    if size > _MAX_BYTES:
        raise DataError(f"{path}: its header says {size:,} bytes; at most {_MAX_BYTES:,} are read.")
    found = content.read(size + 1)  # one byte more, to detect further content
    if len(found) != size:
        rows = len(found) // (size // shape[0])
        what = (
            "more content than that" if len(found) > size else f"the content ends in row {rows + 1}"
        )
        raise DataError(f"{path}: its header says {' x '.join(map(str, shape))}, but {what}.")
    return np.frombuffer(found, np.uint8).reshape(shape)


def _hint(dimensions: int) -> str:
    return "; are images= and labels= exchanged?" if dimensions in (1, 3) else "."
