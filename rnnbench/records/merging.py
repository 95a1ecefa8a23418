"""Attempts of other stores taken into one: every attempt is kept, and again changes nothing.

An attempt is known by its trial, start, duration and status. A trial with several attempts has
them in one order, whatever the order of merging: finished ones last, and by their start. The last
one counts, as in any store.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from rnnbench.errors import StoreError
from rnnbench.files import written
from rnnbench.records.archive import is_archive, read_archive
from rnnbench.records.faults import explained
from rnnbench.records.result import Record, Status
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import Store, comparable_key

Execute: TypeAlias = Callable[..., sqlite3.Cursor]
"""Executes a statement within a transaction."""
_Key: TypeAlias = tuple[str, float, str]
"""Start, duration and status, by which an attempt of a trial is known."""

_OUTCOME = """
SELECT status, started_at, json_extract(result, '$.environment.processor_model'),
    COALESCE(json_extract(result, '$.learning.score'),
             json_extract(result, '$.validated.best_score'))
FROM attempts WHERE trial_id = ? AND status != ? ORDER BY attempt DESC
"""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        status: its status.
        score: test score, or validation score of a try; ``None`` without one.
        started_at: UTC, ISO 8601.
        processor: model of the processor, if it is recorded.
    """

    status: str
    score: float | None
    started_at: str
    processor: str | None

    def agrees(self, other: Outcome) -> bool:
        """Return whether both have the same status and score."""
        if self.score is None or other.score is None:
            return (self.status, self.score) == (other.status, other.score)
        both_nan = math.isnan(self.score) and math.isnan(other.score)
        return self.status == other.status and (both_nan or self.score == other.score)

    def __str__(self) -> str:
        score = "" if self.score is None else f" {self.score:.17g}"
        where = "" if self.processor is None else f" on {self.processor}"
        return f"{self.status}{score} ({self.started_at}{where})"


@dataclass(frozen=True)
class Conflict:
    """A trial whose attempts in several stores have different results.

    Attributes:
        trial_id: the trial.
        label: task, model and seed.
        counts: the attempt that counts from now on.
        others: the other attempts with another result.
    """

    trial_id: str
    label: str
    counts: Outcome
    others: tuple[Outcome, ...]


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge.

    Attributes:
        added: attempts that were not in the store.
        known: attempts that were.
        trials: trials that the added attempts belong to.
        speeds: timings of configurations that were added or replaced by later ones.
        conflicts: trials with several results, among those that attempts were added to.
    """

    added: int
    known: int
    trials: int
    speeds: int
    conflicts: tuple[Conflict, ...]


@dataclass
class _Counts:
    added: int = 0
    known: int = 0
    speeds: int = 0


def merge_stores(target: Path, sources: Iterable[Path]) -> Merged:
    """Take the attempts, timings and weights of stores into one, in one transaction.

    Of an attempt that two of them have, the fuller record is kept: a compact file of records leaves
    parts out. Of two timings of a configuration in one environment the later one is kept. The
    sources are left as they are.

    Args:
        target: the store, created when absent.
        sources: stores, or files that ``rnnbench export --records`` wrote.

    Raises:
        StoreError: a file cannot be read or written, or a source is the target itself. Nothing is
            written then.
    """
    paths = list(sources)
    is_new = not target.exists() and not target.is_symlink()
    for path in paths:
        if not is_new and path.exists() and path.samefile(target):
            raise StoreError(f"{path} is the store that is merged into; name the others alone.")
    try:
        with Store(target) as store, store.transaction() as run:
            merged, counting = _merge(run, paths)
            # before the records are committed: a merge that ends here is done again
            _copy_weights(store, paths, counting)
    except BaseException:
        if is_new:
            target.unlink(missing_ok=True)
        raise
    return merged


@dataclass
class _Counting:
    """The attempt that counts of a trial, where a source has it."""

    source: int
    added: bool


def _merge(run: Execute, paths: Sequence[Path]) -> tuple[Merged, dict[str, _Counting]]:
    """Return the outcome of a merge, and of each trial the source of the attempt that counts."""
    counts, specs = _Counts(), dict[str, TrialSpec]()
    present: dict[str, dict[_Key, _Counting]] = {}
    for number, path in enumerate(paths):
        with _opened(path) as source:
            for record in source.attempts():
                added = _add(run, record)
                if added:
                    counts.added += 1
                    specs[record.trial_id] = record.spec
                else:
                    counts.known += 1
                attempts = present.setdefault(record.trial_id, {})
                attempts.setdefault(_key(record)[1:], _Counting(number, added))
            for row in source.speeds():
                counts.speeds += _add_speed(run, row)
    counting = {}
    for trial_id, attempts in present.items():
        last = _put_in_order(run, trial_id)
        if last in attempts:
            counting[trial_id] = attempts[last]
    found = (_conflict(run, spec) for spec in specs.values())
    conflicts = tuple(conflict for conflict in found if conflict is not None)
    return (
        Merged(counts.added, counts.known, len(specs), counts.speeds, conflicts),
        counting,
    )


def _key(record: Record) -> tuple[str, str, float, str]:
    """Return what an attempt is known by."""
    return (record.trial_id, record.started_at, record.seconds, str(record.result.status))


def _add(run: Execute, record: Record) -> bool:
    """Add an attempt unless it is there; return whether it was not."""
    result = record.result.model_dump_json()
    known = run(
        "SELECT attempt, LENGTH(result) + LENGTH(log) FROM attempts "
        "WHERE trial_id = ? AND started_at = ? AND seconds = ? AND status = ?",
        _key(record),
    ).fetchone()
    if known is None:
        run(
            "INSERT INTO attempts SELECT ?, 1 + COALESCE(MAX(attempt), 0), ?, ?, ?, ?, ?, ?, ? "
            "FROM attempts WHERE trial_id = ?",
            (
                record.trial_id,
                str(record.result.status),
                record.started_at,
                record.seconds,
                record.command,
                record.spec.model_dump_json(),
                result,
                record.log,
                record.trial_id,
            ),
        )
        return True
    attempt, size = known
    if len(result) + len(record.log) > size:
        run(
            "UPDATE attempts SET result = ?, log = ? WHERE trial_id = ? AND attempt = ?",
            (result, record.log, record.trial_id, attempt),
        )
    return False


def _add_speed(run: Execute, row: tuple[str, str, str, str]) -> int:
    """Add a timing where there is none, or an earlier one; return how many rows were written."""
    return run(
        "INSERT INTO speeds VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "measured_at = excluded.measured_at, speed = excluded.speed "
        "WHERE (excluded.measured_at, excluded.speed) > (measured_at, speed)",
        row,
    ).rowcount


def _put_in_order(run: Execute, trial_id: str) -> _Key:
    """Number the attempts of a trial, the finished ones last, and return what counts."""
    rows = run(
        "SELECT attempt, started_at, seconds, status FROM attempts WHERE trial_id = ? "
        "ORDER BY status = ?, started_at, seconds, status",
        (trial_id, str(Status.DONE)),
    ).fetchall()
    wanted = {attempt: place for place, (attempt, *_) in enumerate(rows, start=1)}
    moved = {attempt: place for attempt, place in wanted.items() if attempt != place}
    statement = "UPDATE attempts SET attempt = ? WHERE trial_id = ? AND attempt = ?"
    # a number is free only once its attempt has moved
    for attempt in moved:
        run(statement, (-attempt, trial_id, attempt))
    for attempt, place in moved.items():
        run(statement, (place, trial_id, -attempt))
    _, started_at, seconds, status = rows[-1]
    return started_at, seconds, status


def _conflict(run: Execute, spec: TrialSpec) -> Conflict | None:
    """Return the results of a trial if they differ; an interrupted attempt has none."""
    values = (spec.trial_id, str(Status.INTERRUPTED))
    found = [
        # JSON has infinities as texts
        Outcome(status, None if score is None else float(score), started_at, processor)
        for status, started_at, processor, score in run(_OUTCOME, values)
    ]
    others = [each for each in found if not each.agrees(found[0])]
    if not others:
        return None
    label = f"{spec.task.label} · {spec.model.label} · seed {spec.seed_label}"
    return Conflict(spec.trial_id, label, found[0], tuple(others))


class _Source(Protocol):
    """A store, or a file of records, that is read."""

    def attempts(self) -> Iterable[Record]:
        """Return every attempt."""

    def speeds(self) -> Iterable[tuple[str, str, str, str]]:
        """Return speed id, environment key, time of the measurement and JSON of each timing."""


class _Archive:
    """The records of a Parquet file."""

    def __init__(self, path: Path) -> None:
        self._records = read_archive(path, purpose="all", every_attempt=True)

    def attempts(self) -> Iterable[Record]:
        return self._records

    def speeds(self) -> Iterator[tuple[str, str, str, str]]:
        # the file does not say when a speed was measured: the one of a store counts before it
        for record in self._records:
            if record.speed is not None:
                key = comparable_key(record.speed.environment)
                yield record.spec.speed_id, key, "", record.speed.model_dump_json()


class _Copy:
    """A copy of a store, which may be of an earlier version, in use, or read-only."""

    def __init__(self, path: Path, copy: Path) -> None:
        self._path, self._copy = path, copy
        with self._naming():
            self._store = Store(copy, must_exist=True)

    def attempts(self) -> Iterator[Record]:
        with self._naming():
            yield from self._store.every_attempt()

    def speeds(self) -> Iterable[tuple[str, str, str, str]]:
        with self._naming():
            return self._store.timings()

    def close(self) -> None:
        self._store.close()

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Name the store in place of its copy where reading fails."""
        try:
            yield
        except StoreError as error:
            raise StoreError(str(error).replace(str(self._copy), str(self._path))) from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    if is_archive(path):
        yield _Archive(path)
        return
    if not path.is_file():
        raise StoreError(f"{path}: no such store; name stores, or files of export --records.")
    with tempfile.TemporaryDirectory(prefix="rnnbench-merge-") as folder:
        copy = Path(folder) / "store.db"
        _copy_store(path, copy)
        with contextlib.closing(_Copy(path, copy)) as source:
            yield source


def _copy_store(path: Path, copy: Path) -> None:
    if not path.stat().st_size:
        copy.touch()
        return
    with explained(path):
        try:
            _back_up(path, copy, "ro")
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode & 0xFF
            if code == sqlite3.SQLITE_FULL:
                raise StoreError(
                    f"{path} cannot be copied to {copy.parent}: the disk is full; set TMPDIR to a "
                    "folder with more room."
                ) from None
            # the unfinished write of a killed process has to be rolled back first
            if code != sqlite3.SQLITE_READONLY:
                raise
            _back_up(path, copy, "rw")


def _back_up(path: Path, copy: Path, mode: str) -> None:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with (
        contextlib.closing(sqlite3.connect(address, uri=True)) as old,
        contextlib.closing(sqlite3.connect(copy)) as new,
    ):
        old.backup(new)


def _copy_weights(store: Store, paths: Sequence[Path], counting: Mapping[str, _Counting]) -> None:
    """Copy the weights of the attempts that count, where the store has none or those of others."""
    for trial_id, attempt in counting.items():
        folder = Store.weights_beside(paths[attempt.source])
        given, kept = folder / f"{trial_id}.safetensors", store.weights_of(trial_id)
        if given.is_file() and (attempt.added or not kept.exists()):
            kept.parent.mkdir(exist_ok=True)
            with written(kept) as part:
                shutil.copyfile(given, part)
