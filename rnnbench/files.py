"""Files: the one reader that refuses what is no regular file, and the one atomic writer."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from rnnbench.errors import DataError, RnnbenchError, one_line


@contextmanager
def open_regular(
    path: Path, owner: str, error: type[RnnbenchError] = DataError
) -> Iterator[BufferedReader]:
    """Open a regular file to read bytes; a pipe or a device, which might never end, is refused.

    Args:
        path: the file.
        owner: the words that begin an error message, e.g. ``"suite"``.
        error: the class of the error.

    Raises:
        error: the file cannot be read; the text names ``owner``, the path and the reason.
    """
    shown = one_line(str(path), 200)
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise error(f"{owner}: {shown} is no regular file; copy its content into one.")
        with path.open("rb") as file:
            yield file
    except OSError as failure:
        raise error(f"{owner}: {shown} cannot be read: {failure.strerror}.") from None
    except ValueError as failure:
        if "null" not in str(failure):
            raise
        raise error(f"{owner}: {shown!r} is not a path.") from None


def file_checksum(path: Path, owner: str) -> str:
    """Return ``sha256:...`` of a file's content.

    Raises:
        DataError: the file cannot be read.
    """
    with open_regular(path, owner) as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` for new content, and move it there when the block succeeds.

    The content is a file or, where ``path`` is missing or an empty folder, a folder. A reader
    sees the old content or the new one, never a part. After an error the new content is removed.
    Content that a killed process left behind is removed by the next call for the same path.

    Raises:
        OSError: the content cannot be written or moved.
    """
    pattern = f".{path.name[:200]}.*.part"
    for left_over in path.parent.glob(_escaped(pattern)):
        if not _is_alive(left_over):
            _remove(left_over)
    part = path.with_name(pattern.replace("*", str(os.getpid())))
    try:
        yield part
        part.replace(path)
    finally:
        _remove(part)


def _escaped(pattern: str) -> str:
    return "".join(f"[{c}]" if c in "[]?" else c for c in pattern)


def _is_alive(part: Path) -> bool:
    pid = part.name.split(".")[-2]
    if not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
