"""Faults of SQLite in words: what happened to a store, and what to type next."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rnnbench.errors import StoreError

BUSY_SECONDS = 30.0
"""How long a write waits for the lock of another process."""
ANOTHER = "name another file with --store PATH."


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise errors of SQLite in the block as :class:`StoreError` that name the store."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(_explanation(path, error)) from error
    # A stored text, or the text of an error message of SQLite, that is not UTF-8.
    except UnicodeDecodeError as error:
        raise StoreError(_damaged(path, error)) from error


def how_to_rescue(path: Path) -> str:
    """Return the hint at the end of a message about a damaged store."""
    command = f"rnnbench doctor --store {shlex.quote(str(path))} --rescue NEW.db"
    return f"to save the readable records, type: {command}"


def _damaged(path: Path, error: Exception) -> str:
    return f"{path} is damaged ({error}) and was left as it is; {how_to_rescue(path)}"


def _explanation(path: Path, error: sqlite3.DatabaseError) -> str:
    # The low byte is the kind of an extended error code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_NOTADB:
            return f"{path} is not a store of rnnbench; {ANOTHER}"
        case sqlite3.SQLITE_FULL:
            return (
                f"the disk is full: {path} could not be written. "
                "Earlier records are intact; free space and run again."
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return f"{path} cannot be written ({error}); change its permissions or {ANOTHER}"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"{path} was locked by another process for {BUSY_SECONDS:.0f} s; "
                "end that process and run again."
            )
        case sqlite3.SQLITE_IOERR:
            return f"{path}: {error}. Earlier records are intact; check the disk and run again."
    return _damaged(path, error)
