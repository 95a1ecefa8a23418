"""Records in one SQLite file; every attempt is kept.

Rollback journal and full synchronisation: a record is on the disk once :meth:`Store.add` returns.
Only driving processes write. Several of them can share a store, because a trial is claimed before
it runs.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rnnbench.errors import StoreError, one_line
from rnnbench.records import reservations
from rnnbench.records.environment import Environment
from rnnbench.records.faults import ANOTHER, BUSY_SECONDS, explained, how_to_rescue
from rnnbench.records.result import Record, Result, Status
from rnnbench.records.schema import prepare, transaction
from rnnbench.records.spec import TrialSpec
from rnnbench.records.speed import Speed

Purpose: TypeAlias = Literal["reported", "tuning", "all"]


class Store:
    """Records in a SQLite file.

    Args:
        path: the file; created when absent, unless ``must_exist``.
        must_exist: raise instead of creating.

    Raises:
        StoreError: the file is not a store of this version, is damaged, or cannot be read or
            written.
    """

    def __init__(self, path: Path | str, *, must_exist: bool = False) -> None:
        self.path = Path(path)
        self._check_path(must_exist)
        with explained(self.path):
            # Absolute, because :memory: and similar names have a special meaning for SQLite.
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
        """The folder of trained weights next to the store; one safetensors file per trial."""
        return self.weights_beside(self.path)

    @staticmethod
    def weights_beside(path: Path) -> Path:
        """Return the folder of trained weights next to a file."""
        return path.with_name(path.name + ".weights")

    @property
    def logs(self) -> Path:
        """The folder next to the store that loggers write to."""
        return self.weights.with_suffix(".logs")

    def weights_of(self, trial_id: str) -> Path:
        """Return the file of a trial's weights."""
        return self.weights / f"{trial_id}.safetensors"

    # -- writing

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
        """Add one attempt, release its claim, and return the attempt's number (from 1)."""
        trial_id = spec.trial_id
        with self.transaction() as run:
            (attempt,) = run(
                "SELECT 1 + COALESCE(MAX(attempt), 0) FROM attempts WHERE trial_id = ?", (trial_id,)
            ).fetchone()
            row = (
                trial_id,
                attempt,
                str(result.status),
                started_at,
                seconds,
                _utf8(command),
                spec.model_dump_json(),
                result.model_dump_json(),
                _utf8(log),
            )
            run("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            reservations.drop(run, trial_id)
        return int(attempt)

    def add_speed(self, spec: TrialSpec, speed: Speed, measured_at: str) -> None:
        """Add the speed of a configuration in its environment; replaces an earlier measurement."""
        key = comparable_key(speed.environment)
        row = (spec.speed_id, key, measured_at, speed.model_dump_json())
        with self.transaction() as run:
            run("INSERT OR REPLACE INTO speeds VALUES (?, ?, ?, ?)", row)

    def claim(
        self, trial_id: str, *, retry: frozenset[Status] = frozenset(), attempts: int | None = None
    ) -> bool:
        """Claim a trial for this process; return whether that succeeded.

        It fails when another living process has claimed the trial, or when the trial need not run.

        Args:
            trial_id: the trial.
            retry: statuses of a last attempt after which the trial runs once more.
            attempts: the number of attempts when ``retry`` was decided. A retry that another
                process has made since is not repeated.
        """
        with self.transaction() as run:
            last = run(_LAST_ATTEMPT, (trial_id,)).fetchone()
            if not self._may_run(last, trial_id, retry, attempts):
                return False
            return reservations.take(run, trial_id)

    def is_open(
        self, trial_id: str, *, retry: frozenset[Status] = frozenset(), attempts: int | None = None
    ) -> bool:
        """Return whether a trial still has to run, in any process; see :meth:`claim`."""
        rows = self._read(_LAST_ATTEMPT, (trial_id,))
        return self._may_run(rows[0] if rows else None, trial_id, retry, attempts)

    def _may_run(
        self, last: Any, trial_id: str, retry: frozenset[Status], attempts: int | None
    ) -> bool:
        if not last:
            return True
        number, status = last
        since = attempts is not None and number > attempts
        return runs_again(self._status(trial_id, status), frozenset() if since else retry)

    def release(self, trial_id: str) -> None:
        """Release a claim without adding an attempt."""
        with self.transaction() as run:
            reservations.give_up(run, trial_id)

    # -- reading

    def statuses(self) -> dict[str, Status]:
        """Return the status of every trial's last attempt."""
        rows = self._read(f"SELECT trial_id, status FROM attempts a WHERE {_IS_LAST}")
        return {trial_id: self._status(trial_id, status) for trial_id, status in rows}

    def attempts(self) -> dict[str, int]:
        """Return the number of attempts of every trial."""
        return dict(self._read("SELECT trial_id, MAX(attempt) FROM attempts GROUP BY trial_id"))

    def environment_of(self, trial_id: str) -> Environment | None:
        """Return the environment of a trial's last attempt, or ``None`` when it is not recorded."""
        rows = self._read(
            "SELECT json_extract(result, '$.environment') FROM attempts "
            "WHERE trial_id = ? ORDER BY attempt DESC LIMIT 1",
            (trial_id,),
        )
        return Environment.model_validate_json(rows[0][0]) if rows and rows[0][0] else None

    def speeds(self) -> dict[tuple[str, str], Speed]:
        """Return every speed, by speed id and environment key."""
        rows = self._read("SELECT speed_id, environment, speed FROM speeds")
        found = {}
        for speed_id, environment, text in rows:
            try:
                found[speed_id, environment] = Speed.model_validate_json(text)
            except ValueError as error:
                raise self._unreadable(f"speed {speed_id}", error) from None
        return found

    def records(
        self,
        *,
        every_attempt: bool = False,
        trial: str | None = None,
        purpose: Purpose = "reported",
    ) -> list[Record]:
        """Return records, oldest first.

        Args:
            every_attempt: every attempt of a trial instead of the last one.
            trial: only trials whose id begins with this text.
            purpose: trials whose scores are reported, tries of tuning studies, or all of them.
        """
        where, values = [_OF_PURPOSE[purpose]], []
        if not every_attempt:
            where.append(_IS_LAST)
        if trial is not None:
            where.append("trial_id BETWEEN ? AND ? || char(1114111)")
            values += [_utf8(trial)] * 2
        speeds = self.speeds()
        rows = self._read(
            f"SELECT * FROM attempts a WHERE {' AND '.join(where)} "
            "ORDER BY started_at, trial_id, attempt",
            values,
        )
        return [self._record(row, speeds) for row in rows]

    def every_attempt(self) -> Iterator[Record]:
        """Yield every attempt one by one, without its speed, by trial."""
        with explained(self.path):
            cursor = self._connection.execute("SELECT * FROM attempts ORDER BY trial_id, attempt")
            for row in cursor:
                yield self._record(row, {})

    def timings(self) -> list[tuple[str, str, str, str]]:
        """Return speed id, environment key, time of the measurement and JSON of every speed."""
        self.speeds()  # refuses what cannot be read
        return self._read("SELECT speed_id, environment, measured_at, speed FROM speeds")

    def check(self) -> str | None:
        """Return the first faults that SQLite finds in the file, or ``None`` when it is intact."""
        found = [row[0] for row in self._read("PRAGMA integrity_check")]
        return None if found == ["ok"] else one_line("; ".join(found))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- internals

    def _check_path(self, must_exist: bool) -> None:
        # files.open_regular does not fit: closing a file that was opened by other means would drop
        # the locks that SQLite holds on it in this process.
        if "\0" in str(self.path):
            raise StoreError(f"{self.path} is not a path; {ANOTHER}")
        try:
            if must_exist and not self.path.exists():
                raise StoreError(
                    f"{self.path}: no such store. Make one with rnnbench run, or {ANOTHER}"
                )
            if self.path.is_dir():
                raise StoreError(f"{self.path} is a folder, not a store; {ANOTHER}")
            if self.path.exists() and not self.path.is_file():
                raise StoreError(f"{self.path} is not a regular file; {ANOTHER}")
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be a store: {error.strerror}; {ANOTHER}"
            ) from None

    def _record(self, row: tuple[Any, ...], speeds: dict[tuple[str, str], Speed]) -> Record:
        trial_id, attempt, _, started_at, seconds, command, spec_text, result_text, log = row
        try:
            spec = TrialSpec.model_validate_json(spec_text)
            result = Result.model_validate_json(result_text)
            where = result.environment
            return Record(
                trial_id=trial_id,
                attempt=attempt,
                spec=spec,
                result=result,
                started_at=started_at,
                seconds=seconds,
                command=command,
                log=log,
                speed=speeds.get((spec.speed_id, comparable_key(where))) if where else None,
            )
        except ValueError as error:
            raise self._unreadable(f"attempt {attempt} of trial {trial_id}", error) from None

    def _status(self, trial_id: str, text: str) -> Status:
        try:
            return Status(text)
        except ValueError as error:
            raise self._unreadable(f"the status of trial {trial_id}", error) from None

    def _unreadable(self, part: str, error: ValueError) -> StoreError:
        return StoreError(
            f"{self.path}: {part} cannot be read ({error}); {how_to_rescue(self.path)}"
        )

    def _read(self, statement: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with explained(self.path):
            return self._connection.execute(statement, tuple(values)).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Execute statements that are committed together, or not at all."""
        with explained(self.path), transaction(self._connection) as run:
            yield run


_LAST_ATTEMPT = (
    "SELECT attempt, status FROM attempts WHERE trial_id = ? ORDER BY attempt DESC LIMIT 1"
)
# A damaged specification counts as that of a reported trial, whose reader reports the damage.
_IS_TRY = "(json_valid(spec) AND json_extract(spec, '$.tuning') IS NOT NULL)"
_OF_PURPOSE: dict[Purpose, str] = {
    "reported": f"NOT {_IS_TRY}",
    "tuning": _IS_TRY,
    "all": "1",
}
_IS_LAST = "attempt = (SELECT MAX(attempt) FROM attempts b WHERE b.trial_id = a.trial_id)"


def runs_again(last: Status, retry: frozenset[Status]) -> bool:
    """Return whether a trial with this last status runs: interrupted, or in ``retry``."""
    return last is Status.INTERRUPTED or last in retry


def comparable_key(environment: Environment) -> str:
    """Return a key that comparable speeds share: device, processor, threads and torch."""
    return json.dumps(
        [
            environment.device,
            environment.processor,
            environment.processor_model,
            environment.instruction_set,
            environment.threads,
            environment.torch_version,
        ]
    )


def utc_now() -> str:
    """Return the date and time for readers; durations never come from it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _utf8(text: str) -> str:
    """Escape surrogates, which command lines and captured output may contain."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
