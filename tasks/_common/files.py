"""Reading of data files: bytes, gzipped or not, and text in UTF-8."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from rnnbench import DataError

from .encodings import AUTO, as_utf8

if TYPE_CHECKING:
    from pathlib import Path

GZIP = b"\x1f\x8b"
_OTHER_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
}
_MAX_UNPACKED = 1 << 32


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, unpacked if it is gzipped.

    Raises:
        DataError: the file cannot be read, is damaged, or is compressed in another way.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
            file.seek(0)
            if not start.startswith(GZIP):
                content = file.read()
            else:
                content = gzip.GzipFile(fileobj=file).read(_MAX_UNPACKED + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the gzip data are damaged ({error}).") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    for mark, what in _OTHER_ARCHIVES.items():
        if start.startswith(mark):
            raise DataError(f"{path} is {what}; unpack it, or compress it with gzip instead.")
    if start.startswith(GZIP) and len(content) > _MAX_UNPACKED:
        raise DataError(f"{path} has more than {_MAX_UNPACKED:,} bytes; unpack it first.")
    return content


def read_utf8(path: Path, encoding: str = AUTO) -> bytes:
    """Return the content of a text file in UTF-8.

    Args:
        path: the file, gzipped or not.
        encoding: ``auto`` (UTF-8, or UTF-16 and UTF-32 with a byte order mark), or the encoding.

    Raises:
        DataError: the file cannot be read or is not of that encoding; the message names the line.
    """
    return as_utf8(read_bytes(path), str(path), encoding)


def suffix_of(path: Path) -> str:
    """Return the suffix that names the format, in lower case: ``.csv`` for ``A.CSV.gz``."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.suffix.lower()
