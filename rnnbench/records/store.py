"""Records in one SQLite file: every attempt is kept, and a stored attempt survives whatever happens
next.

Rollback journal and full synchronisation, so that a record is on the disk once :meth:`Store.add`
returns. Only driving processes write; two of them on one store share the work through claims.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from rnnbench.errors import StoreError, one_line
from rnnbench.records.result import Environment, Record, Result, Speed, Status
from rnnbench.records.schema import prepare, transaction
from rnnbench.records.spec import TrialSpec

BUSY_SECONDS = 30.0


class Store:
    """The records of a file.

    Args:
        path: the SQLite file; created when absent, unless ``must_exist``.
        must_exist: raise instead of creating.

    Raises:
        StoreError: the file is not a store, is damaged, comes from a newer version, or cannot be
            read or written.
    """

    def __init__(self, path: Path | str, *, must_exist: bool = False) -> None:
        self.path = Path(path)
        self._refuse_impossible(must_exist)
        with self._explained():
            # Absolute, because SQLite takes some names, such as :memory:, for no file at all.
            self._connection = sqlite3.connect(
                self.path.absolute(), timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                self._connection.execute("PRAGMA synchronous = FULL")
                prepare(self._connection, self.path, must_exist=must_exist)
            except BaseException:
                self._connection.close()
                raise

    @property
    def weights(self) -> Path:
        """The folder beside the store that holds the trained weights, a safetensors file per trial."""
        return self.path.with_name(self.path.name + ".weights")

    @property
    def logs(self) -> Path:
        """The folder beside the store that loggers write to."""
        return self.weights.with_suffix(".logs")

    def weights_of(self, trial_id: str) -> Path:
        """Return where the weights of a trial are."""
        return self.weights / f"{trial_id}.safetensors"

    # -- writing
    # -----------------------------------------------------------------------------------------------------

    def add(
        self,
        spec: TrialSpec,
        result: Result,
        *,
        started_at: str,
        seconds: float,
        command: str = "",
        log: str = "",
    ) -> int:
        """Keep one attempt, give up its claim, and return the attempt's number (1 for a trial's
        first).
        """
        trial_id = spec.trial_id
        with self._transaction() as run:
            (attempt,) = run(
                "SELECT 1 + COALESCE(MAX(attempt), 0) FROM attempts WHERE trial_id = ?", (trial_id,)
            ).fetchone()
            run(
                "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (trial_id, attempt, str(result.status), started_at, seconds, _utf8(command), spec.model_dump_json(),
                 result.model_dump_json(), _utf8(log)),
            )  # fmt: skip
            run("DELETE FROM claims WHERE trial_id = ?", (trial_id,))
        return int(attempt)

    def add_speed(self, spec: TrialSpec, speed: Speed, measured_at: str) -> None:
        """Keep the speed of a configuration in its environment, in place of an earlier measurement."""
        with self._transaction() as run:
            run("INSERT OR REPLACE INTO speeds VALUES (?, ?, ?, ?)",
                (spec.speed_id, comparable_key(speed.environment), measured_at, speed.model_dump_json()))  # fmt: skip

    def claim(
        self, trial_id: str, *, again: frozenset[Status] = frozenset(), attempts: int | None = None
    ) -> bool:
        """Reserve a trial for this process, unless a living process has it or it is not to be run;
        return whether it is ours.

        A trial whose last attempt ended in one of ``again`` may be claimed even so; ``attempts``
        says how many it had when that was decided, so that a retry which somebody else has made
        since is not made twice.
        """
        with self._transaction() as run:
            if not self._may_run(
                run(_LAST_ATTEMPT, (trial_id,)).fetchone(), trial_id, again, attempts
            ):
                return False
            held = run("SELECT pid, born FROM claims WHERE trial_id = ?", (trial_id,)).fetchone()
            if held and held[0] != os.getpid() and _is_alive(*held):
                return False
            run(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)",
                (trial_id, os.getpid(), _born(os.getpid())),
            )
        return True

    def is_open(
        self, trial_id: str, *, again: frozenset[Status] = frozenset(), attempts: int | None = None
    ) -> bool:
        """Return whether a trial is still to be run, by this process or by another; see
        :meth:`claim`.
        """
        rows = self._read(_LAST_ATTEMPT, (trial_id,))
        return self._may_run(rows[0] if rows else None, trial_id, again, attempts)

    def _may_run(
        self, last: Any, trial_id: str, again: frozenset[Status], attempts: int | None
    ) -> bool:
        if not last:
            return True
        number, status = last
        since = attempts is not None and number > attempts
        return runs_again(self._status(trial_id, status), frozenset() if since else again)

    def release(self, trial_id: str) -> None:
        """Give up a claim without an attempt."""
        with self._transaction() as run:
            run("DELETE FROM claims WHERE trial_id = ? AND pid = ?", (trial_id, os.getpid()))

    # -- reading
    # -----------------------------------------------------------------------------------------------------

    def statuses(self) -> dict[str, Status]:
        """Return the status of every trial's last attempt."""
        rows = self._read(
            "SELECT trial_id, status FROM attempts a WHERE attempt = (SELECT MAX(attempt) FROM attempts b "
            "WHERE b.trial_id = a.trial_id)"
        )
        return {trial_id: self._status(trial_id, status) for trial_id, status in rows}

    def attempts(self) -> dict[str, int]:
        """Return how many attempts every trial has had."""
        return dict(self._read("SELECT trial_id, MAX(attempt) FROM attempts GROUP BY trial_id"))

    def environment_of(self, trial_id: str) -> Environment | None:
        """Return where the last attempt at a trial ran, or ``None`` when that is not known."""
        rows = self._read(
            "SELECT json_extract(result, '$.environment') FROM attempts WHERE trial_id = ? ORDER BY attempt DESC LIMIT 1",
            (trial_id,),
        )
        return Environment.model_validate_json(rows[0][0]) if rows and rows[0][0] else None

    def speeds(self) -> dict[tuple[str, str], Speed]:
        """Return every speed by (speed id, environment key)."""
        rows = self._read("SELECT speed_id, environment, speed FROM speeds")
        found = {}
        for speed_id, environment, text in rows:
            try:
                found[speed_id, environment] = Speed.model_validate_json(text)
            except ValueError as error:
                raise self._unreadable(f"speed {speed_id}", error) from None
        return found

    def records(self, *, every_attempt: bool = False, trial: str | None = None) -> list[Record]:
        """Return the last attempt of every trial, oldest first; or every attempt; or those of
        trials that begin so.
        """
        where, values = ["1"], []
        if not every_attempt:
            where.append(
                "attempt = (SELECT MAX(attempt) FROM attempts b WHERE b.trial_id = a.trial_id)"
            )
        if trial is not None:
            where.append("trial_id BETWEEN ? AND ? || char(1114111)")
            values += [_utf8(trial)] * 2
        speeds = self.speeds()
        rows = self._read(
            f"SELECT * FROM attempts a WHERE {' AND '.join(where)} ORDER BY started_at, trial_id, attempt",
            values,
        )
        return [self._record(row, speeds) for row in rows]

    def check(self) -> str | None:
        """Return what is wrong with the file, or ``None`` when SQLite finds it whole."""
        found = [row[0] for row in self._read("PRAGMA integrity_check")]
        return None if found == ["ok"] else one_line("; ".join(found))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside
    # ------------------------------------------------------------------------------------------------------

    def _refuse_impossible(self, must_exist: bool) -> None:
        another = "name another file with --store PATH."
        if "\0" in str(self.path):
            raise StoreError(f"{one_line(self.path)} is not a path; {another}")
        try:
            if must_exist and not self.path.exists():
                raise StoreError(
                    f"{self.path}: no such store. Make one with rnnbench run, or {another}"
                )
            if self.path.is_dir():
                raise StoreError(f"{self.path} is a folder, not a store; {another}")
            if self.path.exists() and not self.path.is_file():
                raise StoreError(f"{self.path} is no regular file; {another}")
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be a store: {error.strerror}; {another}"
            ) from None

    def _record(self, row: tuple[Any, ...], speeds: dict[tuple[str, str], Speed]) -> Record:
        trial_id, attempt, _, started_at, seconds, command, spec_text, result_text, log = row
        try:
            spec = TrialSpec.model_validate_json(spec_text)
            result = Result.model_validate_json(result_text)
            speed = (
                speeds.get((spec.speed_id, comparable_key(result.environment)))
                if result.environment
                else None
            )
            return Record(trial_id=trial_id, attempt=attempt, spec=spec, result=result, started_at=started_at, seconds=seconds,
                          command=command, log=log, speed=speed)  # fmt: skip
        except ValueError as error:
            raise self._unreadable(f"attempt {attempt} of trial {trial_id}", error) from None

    def _status(self, trial_id: str, text: str) -> Status:
        try:
            return Status(text)
        except ValueError as error:
            raise self._unreadable(f"the status of trial {trial_id}", error) from None

    def _unreadable(self, what: str, error: ValueError) -> StoreError:
        return StoreError(
            f"{self.path}: {what} cannot be read ({one_line(error, 120)}); {self._rescue}"
        )

    @property
    def _rescue(self) -> str:
        return f"type rnnbench doctor --store {shlex.quote(str(self.path))} --rescue NEW.db to save what can be read."

    def _read(self, statement: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._connection.execute(statement, tuple(values)).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        with self._explained(), transaction(self._connection) as run:
            yield run

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(self._explanation(error)) from error
        except (
            UnicodeDecodeError
        ) as error:  # text that is none, or the text of SQLite's own complaint about it
            raise StoreError(
                f"{self.path} is damaged ({one_line(error, 120)}) and was left as it is; {self._rescue}"
            ) from error

    def _explanation(self, error: sqlite3.DatabaseError) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte tells the kind
        if code == sqlite3.SQLITE_NOTADB:
            return f"{self.path} is not a store of rnnbench; it was left as it is. Name another with --store PATH."
        if code == sqlite3.SQLITE_FULL:
            return f"the disk is full: {self.path} could not be written. Earlier records are intact; free space and run again."
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return f"{self.path} cannot be written ({error}); mend its permissions or name another with --store PATH."
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return f"{self.path} was locked by another process for {BUSY_SECONDS:.0f} s; end that process and run again."
        if code == sqlite3.SQLITE_IOERR:
            return f"{self.path}: {error}. Earlier records are intact; see that the disk has space and works, and run again."
        return (
            f"{self.path} is damaged ({one_line(error, 120)}) and was left as it is; {self._rescue}"
        )


_LAST_ATTEMPT = (
    "SELECT attempt, status FROM attempts WHERE trial_id = ? ORDER BY attempt DESC LIMIT 1"
)


def runs_again(last: Status, again: frozenset[Status]) -> bool:
    """Whether a trial whose last attempt ended so is run: an interrupted one always, others when
    asked for.
    """
    return last is Status.INTERRUPTED or last in again


def comparable_key(environment: Environment) -> str:
    """Return what speeds must share to be compared: device, processor, threads and torch."""
    return json.dumps(
        [environment.device, environment.processor, environment.threads, environment.torch_version]
    )


def utc_now() -> str:
    """Return the time for people to read; durations never come from it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _utf8(text: str) -> str:
    """Spell out what UTF-8 cannot hold: a command line or an output need not have been UTF-8, and a
    record must not fail.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _born(pid: int) -> float:
    """Return what tells a process from a later one of the same number; it does not move when the
    clock is set.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return float(after_name.split()[19])  # clock ticks from boot to start
    except OSError:  # not Linux, or no such process
        return psutil.Process(pid).create_time()


def _is_alive(pid: int, born: float) -> bool:
    try:
        same = abs(_born(pid) - born) < 1.0  # a later process may have been given the same number
        return same and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
