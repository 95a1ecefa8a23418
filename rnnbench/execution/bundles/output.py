"""The output of a bundle: finished records, one per line, each whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from rnnbench.errors import OutputError
from rnnbench.records.result import Record

_CHUNK = 1 << 16


class Output:
    """A file that records are appended to, which survives the death of its writer at any point.

    A record is on the disk once :meth:`add` returns. A line that a killed writer left unfinished is
    removed when the file is opened again.

    Args:
        path: the file, created when absent.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not path.is_file():
                raise OutputError(f"{path} is not a regular file; name another one.")
            self._file = path.open("a+b")
            self._drop_unfinished()
        except OSError as error:
            raise self._unwritable(error) from None

    def add(self, record: Record) -> None:
        """Append a record.

        Raises:
            OutputError: it could not be written, e.g. to a full disk; earlier ones are intact.
        """
        try:
            self._file.write(record.model_dump_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _drop_unfinished(self) -> None:
        """Cut the file after its last end of a line."""
        end = self._file.seek(0, os.SEEK_END)
        place = end
        while place:
            start = max(0, place - _CHUNK)
            self._file.seek(start)
            found = self._file.read(place - start).rfind(b"\n")
            if found >= 0:
                place = start + found + 1
                break
            place = start
        if place < end:
            self._file.truncate(place)

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path} cannot be written: {error.strerror}.")


def read_output(path: Path) -> Iterator[Record]:
    """Yield the whole records of a file, which may still be written; none where it is absent.

    A line that is no record ends the reading: it is the end of a damaged file.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                yield Record.model_validate_json(line)
            except ValidationError:
                return
