"""Regular files and atomic writes: the only reader of user files, and the only atomic writer."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from rnnbench.errors import DataError, OutputError, RnnbenchError


@contextmanager
def open_regular(
    path: Path, owner: str, error: type[RnnbenchError] = DataError
) -> Iterator[BufferedReader]:
    """Open a regular file to read bytes; pipes and devices, which may never end, are refused.

    Args:
        path: the file.
        owner: the words that begin an error message, e.g. ``"suite"``.
        error: the class of the error.

    Raises:
        error: the file cannot be read; the text names ``owner``, the path and the reason.
    """
    if "\0" in str(path):
        raise error(f"{owner}: {str(path)!r} is not a path.")
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise error(f"{owner}: {path} is not a regular file; copy its content into one.")
        with path.open("rb") as file:
            yield file
    except OSError as failure:
        raise error(f"{owner}: {path} cannot be read: {failure.strerror}.") from None


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` and ``~user`` at its start replaced, where that user is known."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def file_checksum(path: Path, owner: str) -> str:
    """Return ``sha256:...`` of a file's content.

    Raises:
        DataError: the file cannot be read.
    """
    with open_regular(path, owner) as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, and rename it to ``path`` after the block.

    The content is a file or, if ``path`` is missing or an empty folder, a folder. A reader sees the
    old content or the new one, never a part. After an error the new content is removed. Content
    left by a killed process is removed by the next call for the same path.

    Raises:
        OSError: the content cannot be written or moved.
    """
    prefix = f".{path.name[:200]}."
    for left_over in path.parent.glob(f"{glob.escape(prefix)}*.part"):
        if not _is_alive(left_over):
            _remove(left_over)
    part = path.with_name(f"{prefix}{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        _remove(part)


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write a file to, and rename it to ``path``, as :func:`replacing`.

    Raises:
        OutputError: the file cannot be written.
    """
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; name a file in it, e.g. {path / 'results.csv'}")
    try:
        with replacing(path) as part:
            yield part
    except OSError as error:
        raise OutputError(
            f"cannot write '{path}': {error.strerror or error}. "
            "Name a file in a folder that exists and can be written."
        ) from None


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
