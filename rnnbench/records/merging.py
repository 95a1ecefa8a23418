"""Attempts of other stores taken into one: every attempt is kept, and again changes nothing.

An attempt is known by its trial, start, duration and status. A trial with several attempts has
them in one order, whatever the order of merging: finished ones last, and by their start. The last
one counts, as in any store.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        return (self.status, self.score) == (other.status, other.score)

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
    is_new = not target.exists()
    for path in paths:
        if not is_new and path.exists() and path.samefile(target):
            raise StoreError(f"{path} is the store that is merged into; name the others alone.")
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(_opened(path)) for path in paths]
        try:
            with Store(target) as store, store.transaction() as run:
                merged, weights = _merge(run, readers)
        except BaseException:
            if is_new:
                target.unlink(missing_ok=True)
            raise
        for reader in readers:
            _copy_weights(reader, store, weights)
    return merged


def _merge(run: Execute, readers: Sequence[_Source]) -> tuple[Merged, set[str]]:
    """Return what was merged, and the trials whose attempts have changed."""
    counts, specs, present = _Counts(), dict[str, TrialSpec](), set[str]()
    for reader in readers:
        for record in reader.attempts():
            present.add(record.trial_id)
            if _add(run, record):
                counts.added += 1
                specs[record.trial_id] = record.spec
            else:
                counts.known += 1
        for row in reader.speeds():
            counts.speeds += _add_speed(run, row)
    for trial_id in present:
        _put_in_order(run, trial_id)
    found = (_conflict(run, spec) for spec in specs.values())
    conflicts = tuple(conflict for conflict in found if conflict is not None)
    return (
        Merged(counts.added, counts.known, len(specs), counts.speeds, conflicts),
        set(specs),
    )


def _add(run: Execute, record: Record) -> bool:
    """Add an attempt unless it is there; return whether it was not."""
    result = record.result.model_dump_json()
    key = (record.trial_id, record.started_at, record.seconds, str(record.result.status))
    known = run(
        "SELECT attempt, LENGTH(result) + LENGTH(log) FROM attempts "
        "WHERE trial_id = ? AND started_at = ? AND seconds = ? AND status = ?",
        key,
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
        "WHERE excluded.measured_at > measured_at",
        row,
    ).rowcount


def _put_in_order(run: Execute, trial_id: str) -> None:
    """Number the attempts of a trial: the finished ones last, each kind by its start."""
    rows = run(
        "SELECT attempt FROM attempts WHERE trial_id = ? ORDER BY status = ?, started_at, seconds, "
        "status",
        (trial_id, str(Status.DONE)),
    ).fetchall()
    wanted = {attempt: place for place, (attempt,) in enumerate(rows, start=1)}
    moved = {attempt: place for attempt, place in wanted.items() if attempt != place}
    statement = "UPDATE attempts SET attempt = ? WHERE trial_id = ? AND attempt = ?"
    # a number is free only once its attempt has moved
    for attempt in moved:
        run(statement, (-attempt, trial_id, attempt))
    for attempt, place in moved.items():
        run(statement, (place, trial_id, -attempt))


def _conflict(run: Execute, spec: TrialSpec) -> Conflict | None:
    """Return the results of a trial if they differ; an interrupted attempt has none."""
    values = (spec.trial_id, str(Status.INTERRUPTED))
    found = [
        Outcome(status, score, started_at, processor)
        for status, started_at, processor, score in run(_OUTCOME, values)
    ]
    others = [
        each for each in found if (each.status, each.score) != (found[0].status, found[0].score)
    ]
    if not others:
        return None
    label = f"{spec.task.label} · {spec.model.label} · seed {spec.seed_label}"
    return Conflict(spec.trial_id, label, found[0], tuple(others))


class _Source(Protocol):
    """A store, or a file of records, that is read."""

    weights: Path | None

    def attempts(self) -> Iterable[Record]:
        """Return every attempt."""

    def speeds(self) -> Iterable[tuple[str, str, str, str]]:
        """Return speed id, environment key, time of the measurement and JSON of each timing."""


class _Archive:
    """The records of a Parquet file."""

    weights: Path | None = None

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
        self.weights: Path | None = Store.weights_beside(path)
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
    with (
        explained(path),
        contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(copy)) as new,
    ):
        old.backup(new)


def _copy_weights(source: _Source, store: Store, trials: Iterable[str]) -> None:
    """Copy the weights of trials that the store has none of."""
    if source.weights is None or not source.weights.is_dir():
        return
    for trial_id in trials:
        given = source.weights / f"{trial_id}.safetensors"
        kept = store.weights_of(trial_id)
        if given.is_file() and not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            with written(kept) as part:
                shutil.copyfile(given, part)
