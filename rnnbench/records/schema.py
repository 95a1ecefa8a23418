"""The tables of a store: create them, upgrade those of an earlier version, refuse other files."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnbench.errors import StoreError

APPLICATION_ID = 0x524E4E42
"""``RNNB``: distinguishes a store from other SQLite files."""
SCHEMA_VERSION = 3
_UPGRADES: dict[int, tuple[str, ...]] = {
    # weight decay acted on all parameters before it could be limited
    2: (
        "UPDATE attempts SET spec = json_set(spec, '$.settings.weight_decay_on', 'all') "
        "WHERE json_extract(spec, '$.settings.weight_decay_on') IS NULL",
    ),
}
"""Statements that turn a store of a version into one of the next version.

They change no identity: the trials of the store are still found as done.
"""

OLDEST_VERSION = min(_UPGRADES, default=SCHEMA_VERSION)
"""The earliest version that is upgraded."""

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


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[Callable[..., sqlite3.Cursor]]:
    """Commit what is executed in the block, or roll it back on an error; excludes other writers."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself when the disk is full.
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def prepare(connection: sqlite3.Connection, path: Path, *, must_exist: bool) -> None:
    """Create the tables in an empty file, or bring a store to this version.

    Raises:
        StoreError: the file is not a store, has a version that cannot be upgraded, or is empty and
            ``must_exist``. It is left as it is.
        sqlite3.DatabaseError: SQLite cannot read or write the file.
    """
    another = "name another file with --store PATH."
    # Reading a pragma also rolls back the unfinished write of a killed process.
    if not _pragma(connection, "page_count"):
        # SQLite takes a few bytes of anything for an empty database.
        if path.stat().st_size:
            raise StoreError(f"{path} is not a store of rnnbench; {another}")
        if must_exist:
            raise StoreError(
                f"{path} is an empty file; make a store with rnnbench run, or {another}"
            )
        _create(connection)
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is a SQLite file, but not a store of rnnbench; {another}")
    version = _pragma(connection, "user_version")
    if version in _UPGRADES:
        _upgrade(connection, path)
    elif version < SCHEMA_VERSION:
        raise StoreError(
            f"{path} has store version {version}, and this rnnbench reads {SCHEMA_VERSION}, "
            "whose measurements are defined differently; run the trials again into a new store, "
            f"use the rnnbench that wrote it, or {another}"
        )
    elif version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has store version {version}, and this rnnbench reads {SCHEMA_VERSION}: a "
            f"newer rnnbench wrote it; type pip install --upgrade rnnbench, or {another}"
        )


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store to this version, in one transaction."""
    try:
        with transaction(connection) as run:
            # Another process may have upgraded it meanwhile.
            version = _pragma(connection, "user_version")
            for step in range(version, SCHEMA_VERSION):
                for statement in _UPGRADES[step]:
                    run(statement)
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        raise StoreError(
            f"{path} has an earlier store version and cannot be upgraded, because it is "
            "read-only; make it writable, or copy it and name the copy with --store PATH."
        ) from None


class Upgrade:
    """Upgrades single attempts of a version outside a store, by the statements of a store.

    Args:
        version: the version of the attempts, from :data:`OLDEST_VERSION` on.
    """

    def __init__(self, version: int) -> None:
        self._statements = [
            statement for step in range(version, SCHEMA_VERSION) for statement in _UPGRADES[step]
        ]
        if self._statements:
            self._connection = sqlite3.connect(":memory:")
            self._connection.execute("CREATE TABLE attempts (spec TEXT, result TEXT)")

    def __call__(self, spec: str, result: str) -> tuple[str, str]:
        """Return the JSON of a specification and of its result in this version.

        Raises:
            ValueError: a text is not JSON.
        """
        if not self._statements:
            return spec, result
        run = self._connection.execute
        run("DELETE FROM attempts")
        run("INSERT INTO attempts VALUES (?, ?)", (spec, result))
        try:
            for statement in self._statements:
                run(statement)
        except sqlite3.OperationalError as error:
            raise ValueError(str(error)) from None
        spec, result = run("SELECT spec, result FROM attempts").fetchone()
        return spec, result


def _create(connection: sqlite3.Connection) -> None:
    with transaction(connection) as run:
        # Another process may have created the tables meanwhile. The page count does not show it,
        # because this transaction itself gave the file a page.
        if not run("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES.split(";"):
                run(statement)
            run(f"PRAGMA application_id = {APPLICATION_ID}")
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
