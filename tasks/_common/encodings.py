"""Encodings of text files: byte order marks, given encodings, and a guess for the error message."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from rnnbench.errors import DataError

AUTO = "auto"
"""The option value: UTF-8, or UTF-16 and UTF-32 with a byte order mark."""
_CHUNK = 1 << 22
# UTF-32 first, whose mark of little-endian order begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED_FROM = 1 << 17
"""Maximum number of bytes that an encoding is guessed from."""
_GUESSES, _PREVIEW = 3, 30
"""Maximum numbers of encodings in an error message, and of characters shown for each."""


def check_encoding(encoding: str) -> None:
    """Raise ``ValueError`` unless ``encoding`` is ``auto`` or a text encoding of Python."""
    if encoding == AUTO:
        return
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise ValueError(
            f"encoding={encoding} is unknown; give one that Python knows, "
            f"e.g. gb18030, cp1252, shift_jis or utf-16."
        ) from None


def text_pieces(content: bytes, source: str, encoding: str = "utf-8-sig") -> Iterator[str]:
    """Decode a text in pieces of a few megabytes, without a byte order mark of UTF-8.

    Args:
        content: the encoded text.
        source: the words for the text in an error message.
        encoding: its encoding.

    Raises:
        DataError: the text is not of that encoding; the message names the line.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    view = memoryview(content)
    lines = 0
    for start in range(0, len(view), _CHUNK):
        end = start + _CHUNK
        try:
            piece = decoder.decode(view[start:end], final=end >= len(view))
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "ignore")
            raise _NotOfEncodingError(source, lines + before.count("\n") + 1, encoding) from None
        except UnicodeError as error:  # UTF-16 without its mark
            raise DataError(f"{source} is not {encoding} text: {error}.") from None
        lines += piece.count("\n")
        yield piece


def as_utf8(content: bytes, source: str, encoding: str = AUTO) -> bytes:
    """Return a text in UTF-8; one that is already UTF-8 is checked and returned unchanged.

    Args:
        content: the text, in UTF-8, or with a byte order mark in UTF-16 or UTF-32, or in
            ``encoding``.
        source: the words for the text in an error message.
        encoding: ``auto``, or the encoding. It is not guessed, so that equal options read equal
            data whatever the version of the guessing library; the error message has the guess.

    Raises:
        DataError: the text is not of that encoding; the message names the line.
    """
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    name = (marked or "utf-8") if encoding == AUTO else codecs.lookup(encoding).name
    if name not in ("utf-8", "utf-8-sig"):
        return b"".join(piece.encode() for piece in text_pieces(content, source, name))
    try:
        for _ in text_pieces(content, source):
            pass
    except _NotOfEncodingError as error:
        if encoding != AUTO:
            raise
        hint = _hint(content)
        raise DataError(f"{source}, line {error.line}: not UTF-8 text; {hint}") from None
    if encoding == AUTO:
        _refuse_zeros(content, source)
    return content


class _NotOfEncodingError(DataError):
    def __init__(self, source: str, line: int, encoding: str) -> None:
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        super().__init__(
            f"{source}, line {line}: not {name} text; give another encoding=, or correct the line."
        )
        self.line = line


def _refuse_zeros(content: bytes, source: str) -> None:
    """Refuse UTF-16 without a mark, whose Latin letters are valid UTF-8 with zeros between."""
    start = content[: 1 << 12]
    zeros = [start[offset::2].count(0) for offset in (0, 1)]
    if sum(zeros) * 5 > len(start):
        order = "be" if zeros[0] > zeros[1] else "le"
        raise DataError(
            f"{source} has zero bytes in its text; for UTF-16 without a byte order mark, "
            f"add encoding=utf-16-{order}."
        )


def _hint(content: bytes) -> str:
    """Return what to type for a text that is not UTF-8: encodings, and a text read in each."""
    import charset_normalizer

    readings: dict[str, str] = {}
    for match in charset_normalizer.from_bytes(_telling_lines(content)):
        foreign = next((line for line in str(match).split("\n") if not line.isascii()), "")
        shown = foreign.strip()[:_PREVIEW]
        if shown not in readings.values() and _fits(content, match.encoding):
            readings[match.encoding] = shown
        if len(readings) == _GUESSES:
            break
    if not readings:
        return "add encoding=NAME, e.g. encoding=cp1252 or encoding=gb18030."
    listed = ", ".join(f"{name} ({shown!r})" for name, shown in readings.items())
    return f"add encoding=NAME; these fit, the most probable first: {listed}."


def _fits(content: bytes, encoding: str) -> bool:
    try:
        for _ in text_pieces(content, "", encoding):
            pass
    except DataError:
        return False
    return True


def _telling_lines(content: bytes) -> bytes:
    """Return the first lines with bytes beyond ASCII.

    No encoding that is compatible with ASCII has a line end inside a character.
    """
    found = b""
    for line in io.BytesIO(content):
        if not line.isascii():
            found += line[:_GUESSED_FROM]
        if len(found) > _GUESSED_FROM:
            break
    return found
