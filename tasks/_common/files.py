"""Reading of data files as bytes and as UTF-8 text."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnnbench import DataError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 22


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None


def read_utf8(path: Path) -> bytes:
    """Return the content of a file after checking that it is UTF-8.

    Raises:
        DataError: the file cannot be read or is not UTF-8; the message names the line.
    """
    content = read_bytes(path)
    for _ in text_pieces(content, str(path)):
        pass
    return content


def text_pieces(content: bytes, source: str) -> Iterator[str]:
    """Decode UTF-8 text in pieces of a few megabytes, without its byte order mark.

    Args:
        content: the encoded text.
        source: the words for the text in an error message.

    Raises:
        DataError: the text is not UTF-8; the message names the line.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    view = memoryview(content)
    lines = 0
    for start in range(0, len(view), _CHUNK):
        end = start + _CHUNK
        try:
            piece = decoder.decode(view[start:end], final=end >= len(view))
        except UnicodeDecodeError as error:
            line = lines + error.object.count(b"\n", 0, error.start) + 1
            raise DataError(
                f"{source}, line {line}: not UTF-8 text; convert it, e.g. iconv -f LATIN1 -t UTF-8."
            ) from None
        lines += piece.count("\n")
        yield piece
