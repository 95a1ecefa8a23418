"""Copy the readable records of a damaged store into a new one.

The ``.recover`` command of SQLite's shell does not fit: Debian 12 builds the shell without the
``sqlite_dbpage`` table that the command reads, so that it fails even on an intact store.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnbench.errors import OutputError, StoreError
from rnnbench.records.result import Record, Result
from rnnbench.records.spec import TrialSpec
from rnnbench.records.speed import Speed
from rnnbench.records.store import Store

_ORDERS = (
    "trial_id, attempt",
    "trial_id DESC, attempt DESC",
    "status, trial_id, attempt",
    "status DESC, trial_id DESC, attempt DESC",
)
"""The table and its index in both directions, since a scan ends at the first damaged page."""
_ATTEMPT = (
    "SELECT spec, result, started_at, seconds, command, log FROM attempts "
    "WHERE trial_id = ? AND attempt = ?"
)


def rescue_records(damaged: Path, new: Path) -> tuple[int, int]:
    """Copy every readable record into a new store; return the numbers of copied and lost attempts.

    A copy of the damaged file is read, the file itself is left as it is. Attempts whose keys cannot
    be read are not counted as lost.

    Raises:
        OutputError: the new store exists already, or a file cannot be copied.
        StoreError: nothing of the file can be read as a store.
    """
    if new.exists():
        raise OutputError(f"{new} exists; name a new file with --rescue.")
    if not damaged.is_file():
        raise StoreError(f"{damaged}: no such store.")
    kept = lost = 0
    with _opened_copy(damaged) as old:
        keys = _keys(old, damaged)
        with Store(new) as store:
            specs: dict[str, TrialSpec] = {}
            for trial_id, attempt in keys:
                record = _read(old, trial_id, attempt)
                if record is None:
                    lost += 1
                    continue
                store.add(
                    record.spec,
                    record.result,
                    started_at=record.started_at,
                    seconds=record.seconds,
                    command=record.command,
                    log=record.log,
                )
                specs[record.spec.speed_id] = record.spec
                kept += 1
            for speed_id, speed, measured_at in _speeds(old):
                if speed_id in specs:
                    store.add_speed(specs[speed_id], speed, measured_at)
    return kept, lost


@contextlib.contextmanager
def _opened_copy(path: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory(prefix="rnnbench-rescue-") as folder:
        copy = Path(folder) / "store.db"
        try:
            shutil.copyfile(path, copy)
            journal = path.with_name(f"{path.name}-journal")
            # With its journal, SQLite rolls back an unfinished write.
            if journal.exists():
                shutil.copyfile(journal, copy.with_name("store.db-journal"))
        except OSError as error:
            raise OutputError(f"{path} cannot be copied to {folder}: {error.strerror}.") from None
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            yield connection


def _keys(old: sqlite3.Connection, path: Path) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    whole = False
    for order in _ORDERS:
        rows, complete = _rows(old, f"SELECT trial_id, attempt FROM attempts ORDER BY {order}")
        found += [row for row in rows if isinstance(row[0], str) and isinstance(row[1], int)]
        whole |= complete
    if not found and not whole:
        raise StoreError(f"{path} contains no readable record of a store.")
    return sorted(set(found))


def _read(old: sqlite3.Connection, trial_id: str, attempt: int) -> Record | None:
    rows, _ = _rows(old, _ATTEMPT, (trial_id, attempt))
    try:
        spec, result, started_at, seconds, command, log = rows[0]
        return Record(
            trial_id=trial_id,
            attempt=attempt,
            spec=TrialSpec.model_validate_json(spec),
            result=Result.model_validate_json(result),
            started_at=started_at,
            seconds=seconds,
            command=command,
            log=log,
        )
    except (IndexError, ValueError):
        return None


def _speeds(old: sqlite3.Connection) -> Iterator[tuple[str, Speed, str]]:
    rows, _ = _rows(old, "SELECT speed_id, speed, measured_at FROM speeds")
    for speed_id, text, measured_at in rows:
        with contextlib.suppress(ValueError):
            yield speed_id, Speed.model_validate_json(text), str(measured_at)


def _rows(
    old: sqlite3.Connection, statement: str, values: tuple[Any, ...] = ()
) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the rows before the first unreadable one, and whether these are all."""
    rows: list[tuple[Any, ...]] = []
    try:
        for row in old.execute(statement, values):
            rows.append(row)  # noqa: PERF402 - list(...) would lose the rows before the damage
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return rows, False
    return rows, True
