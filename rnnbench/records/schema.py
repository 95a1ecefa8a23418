"""The layout of a store's file: how a new one is made, how a strange one is refused, how an old one
is brought up.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnbench.errors import StoreError

APPLICATION_ID = 0x524E4E42
"""``RNNB``: what tells a store from any other SQLite file."""
SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE attempts (
    trial_id   TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    status     TEXT NOT NULL,
    started_at TEXT NOT NULL,
    seconds    REAL NOT NULL,
    command    TEXT NOT NULL,
    spec       TEXT NOT NULL,
    result     TEXT NOT NULL,
    log        TEXT NOT NULL,
    PRIMARY KEY (trial_id, attempt)
) WITHOUT ROWID;
CREATE INDEX attempts_by_status ON attempts (status);
CREATE TABLE claims (
    trial_id TEXT PRIMARY KEY,
    pid      INTEGER NOT NULL,
    born     REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE speeds (
    speed_id    TEXT NOT NULL,
    environment TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    speed       TEXT NOT NULL,
    PRIMARY KEY (speed_id, environment)
) WITHOUT ROWID;
"""

Migration = Callable[[sqlite3.Connection], None]
"""Changes tables with ``execute`` alone: ``executescript`` would commit what a later failure has to
undo.
"""
MIGRATIONS: dict[int, Migration] = {}
"""By the version they lead away from: each brings a store one version up."""


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[Callable[..., sqlite3.Cursor]]:
    """Give what is executed inside to the disk as a whole, or undo it; nobody else writes
    meanwhile.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(
            sqlite3.Error
        ):  # SQLite rolls back by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def prepare(connection: sqlite3.Connection, path: Path, *, must_exist: bool) -> None:
    """Make the tables in an empty file, or see that the file is a store of this version; upgrade
    one of an earlier version.

    Raises:
        StoreError: the file is no store, comes from a newer version, or is empty and
            ``must_exist``. It is left as it is. sqlite3.DatabaseError: the file cannot be read as
            SQLite, or not be written.
    """
    if not _pragma(
        connection, "page_count"
    ):  # which also undoes what a process left that was killed while writing
        if path.stat().st_size:  # SQLite takes a few bytes of anything for an empty database
            raise StoreError(
                f"{path} is not a store of rnnbench; it was left as it is. Name another with --store PATH."
            )
        if must_exist:
            raise StoreError(
                f"{path} is empty and no store; make one with rnnbench run, or name another with --store PATH."
            )
        with transaction(connection) as run:
            # another process may have been quicker; the page count will not tell: the transaction
            # itself gave the file a page
            if not run("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                for statement in _TABLES.split(";"):
                    run(statement)
                run(f"PRAGMA application_id = {APPLICATION_ID}")
                run(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StoreError(
            f"{path} is a SQLite file, but not a store of rnnbench; name another with --store PATH."
        )
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer rnnbench (store version {version}, this one reads {SCHEMA_VERSION}); "
            "type pip install --upgrade rnnbench, or name another with --store PATH."
        )
    if version < SCHEMA_VERSION:
        _upgrade(connection, path)


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    backup: Path | None = None
    try:
        with transaction(connection) as run:
            version = _pragma(connection, "user_version")
            if version >= SCHEMA_VERSION:  # another process may have been quicker
                return
            if not all(step in MIGRATIONS for step in range(version, SCHEMA_VERSION)):
                raise StoreError(
                    f"{path} has store version {version}, which no rnnbench wrote; it was left as it is."
                )
            backup = _reserved(path, version)
            _copy(path, backup)
            for step in range(version, SCHEMA_VERSION):
                MIGRATIONS[step](connection)
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException as error:
        if backup is not None:
            backup.unlink(missing_ok=True)  # the store is as it was
        if isinstance(error, OSError):
            raise StoreError(
                f"{path} cannot be upgraded: no copy of it can be made beside it: {error.strerror}."
            ) from None
        raise


def _reserved(path: Path, version: int) -> Path:
    """Make an empty file for a copy, under a name that nothing had."""
    names = (
        f"{path.name}.v{version}.backup{number}"
        for number in itertools.chain([""], itertools.count(2))
    )
    while True:
        backup = path.with_name(next(names))
        with contextlib.suppress(FileExistsError):
            backup.touch(exist_ok=False)
            return backup


def _copy(path: Path, backup: Path) -> None:
    # Through SQLite: closing a file that was opened by other means would drop the locks that this
    # process has on it.
    with (
        contextlib.closing(sqlite3.connect(path.absolute())) as source,
        contextlib.closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
