"""Whole records in one Parquet file, to publish them and to compare with them elsewhere.

A row is a record: a few plain columns for readers of the table, and its specification, result and
speed as the JSON text that a store has. The file is untrusted where it is read: every row is
checked, and nothing in it is executed.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.errors import StoreError, one_line
from rnnbench.files import open_regular, written
from rnnbench.records.result import Record, Result
from rnnbench.records.schema import OLDEST_VERSION, SCHEMA_VERSION, Upgrade
from rnnbench.records.spec import TrialSpec
from rnnbench.records.speed import Speed
from rnnbench.records.store import Purpose

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAGIC = b"PAR1"
"""The bytes that a Parquet file begins with."""
EXAMPLE = "rnnbench export --records records.parquet"
_VERSION = b"rnnbench.records"
"""Key of the metadata that holds the version of the records, which is that of a store."""
_MOST_ROWS = 1_000_000
_MOST_BYTES = 2 << 30
"""Rows, and uncompressed bytes, of the largest file that is read: a small file may unpack to more
than the memory holds.
"""
_ROWS_AT_A_TIME = 256
_TEXTS = (
    *("trial_id", "status", "purpose", "task", "model", "started_at", "command", "log"),
    *("spec", "result", "speed"),
)
_NUMBERS = {"attempt": "int32", "seed": "int64", "seconds": "float64"}
_SERIES_DIGITS = 4
_OTHERS: dict[Purpose, tuple[Purpose, ...]] = {
    "reported": ("tuning",),
    "tuning": ("reported",),
}


def write_archive(records: Iterable[Record], path: Path) -> int:
    """Write records to a Parquet file and return their number; an older file is replaced.

    Reading the file gives equal records.

    Args:
        records: reported trials and tries of tuning studies, with their speeds.
        path: the file, which appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Neighbours that are alike compress best.
    rows = sorted(
        (_row(record) for record in records),
        key=lambda row: (row["purpose"], row["task"], row["model"], row["seed"], row["trial_id"]),
    )
    columns = {name: [row[name] for row in rows] for name in (*_TEXTS, *_NUMBERS)}
    types = dict.fromkeys(_TEXTS, "string") | _NUMBERS
    schema = pa.schema(
        [pa.field(name, pa.type_for_alias(types[name])) for name in columns],
        metadata={_VERSION: str(SCHEMA_VERSION)},
    )
    with written(path) as part:
        pq.write_table(
            pa.table(columns, schema=schema),
            part,
            compression="zstd",
            compression_level=19,
            # A page is compressed on its own: one page of a column holds what repeats once.
            data_page_size=64 << 20,
            use_dictionary=[*(name for name in _TEXTS if name not in ("spec", "result", "log"))],
            # The least and the greatest text of a column would be stored twice, uncompressed.
            write_statistics=False,
            write_page_checksum=True,
        )
    return len(rows)


def is_archive(path: Path) -> bool:
    """Return whether a file is a Parquet file, by its first bytes; false where it has none."""
    try:
        # Opening a pipe would wait for its writer.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def read_archive(
    path: Path, *, purpose: Purpose = "reported", every_attempt: bool = False
) -> list[Record]:
    """Return the records of a file that :func:`write_archive` wrote, oldest first.

    Args:
        path: the file.
        purpose: trials whose scores are reported, tries of tuning studies, or all of them.
        every_attempt: every attempt of a trial that the file has instead of the last one.

    Raises:
        StoreError: the file cannot be read, is damaged, holds no records, or a newer rnnbench wrote
            it. The message names the row.
    """
    found: list[Record] = []
    number = 0
    with _opened(path) as (file, version):
        upgrade = Upgrade(version)
        for number, row in enumerate(_rows(file), start=1):
            # An unknown purpose is that of no record, and is refused with it.
            if purpose == "all" or row["purpose"] not in _OTHERS[purpose]:
                try:
                    found.append(_record(row, upgrade))
                except (ValueError, TypeError) as error:
                    raise _damaged(path, f"row {number}: {one_line(error, 300)}") from None
        if number != file.metadata.num_rows:
            raise _damaged(path, f"it has {number:,} of {file.metadata.num_rows:,} rows")
    found.sort(key=lambda record: (record.started_at, record.trial_id, record.attempt))
    if every_attempt:
        return found
    last: dict[str, int] = {}
    for record in found:
        last[record.trial_id] = max(record.attempt, last.get(record.trial_id, 0))
    return [record for record in found if record.attempt == last[record.trial_id]]


def compacted(record: Record) -> Record:
    """Return a record for a smaller file, from which the same scores and sizes are reported.

    It has no log, traceback or plots. The numbers of series have four significant digits: learning
    curves, gradient profiles by lag and influence by lag. The values of single test items are
    rounded within 0.2 %. All other numbers are kept.
    """
    result = record.result
    changes: dict[str, Any] = {"traceback": None, "plots": ()}
    for name in ("learning", "validated"):
        if (part := getattr(result, name)) is not None:
            points = tuple(_short(each) for each in part.curve)
            changes[name] = part.model_copy(update={"curve": points})
    if result.learning is not None and result.learning.items is not None:
        items = {"items": result.learning.items.coarse()}
        changes["learning"] = changes["learning"].model_copy(update=items)
    if (gradient := result.gradient) is not None:
        series = {
            "profiles": tuple(_short(each, "values") for each in gradient.profiles),
            "influence": tuple(
                _short(each, "values", "differing", "matrix") for each in gradient.influence
            ),
        }
        changes["gradient"] = gradient.model_copy(update=series)
    return record.model_copy(update={"log": "", "result": result.model_copy(update=changes)})


def _short(data: Any, *names: str) -> Any:
    """Return data with the floats of these fields rounded, of all fields where none is named."""
    fields = names or type(data).model_fields
    return data.model_copy(update={name: _rounded(getattr(data, name)) for name in fields})


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    return float(f"{value:.{_SERIES_DIGITS}g}") if isinstance(value, float) else value


def _row(record: Record) -> dict[str, Any]:
    return {
        **_plain(record),
        "attempt": record.attempt,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "command": record.command,
        "log": record.log,
        "spec": record.spec.model_dump_json(),
        "result": record.result.model_dump_json(),
        "speed": None if record.speed is None else record.speed.model_dump_json(),
    }


def _plain(record: Record) -> dict[str, Any]:
    """Return the columns that repeat a part of the record, for readers of the table."""
    spec = record.spec
    return {
        "trial_id": record.trial_id,
        "status": str(record.result.status),
        "purpose": "reported" if spec.tuning is None else "tuning",
        "task": spec.task.label,
        "model": spec.model.label,
        "seed": spec.seed,
    }


def _record(row: Mapping[str, Any], upgrade: Upgrade) -> Record:
    """Return the record of a row.

    Raises:
        ValueError: a part of the row is not valid, or its columns contradict each other.
    """
    spec, result = upgrade(row["spec"], row["result"])
    record = Record(
        trial_id=row["trial_id"],
        attempt=row["attempt"],
        spec=TrialSpec.model_validate_json(spec),
        result=Result.model_validate_json(result),
        started_at=row["started_at"],
        seconds=row["seconds"],
        command=row["command"],
        log=row["log"],
        speed=None if row["speed"] is None else Speed.model_validate_json(row["speed"]),
    )
    for name, value in _plain(record).items():
        if row[name] != value:
            raise ValueError(
                f"the column {name} has {one_line(repr(row[name]), 60)}, "
                f"and the record {one_line(repr(value), 60)}"
            )
    return record


def _rows(file: pq.ParquetFile) -> Iterator[Mapping[str, Any]]:
    batches = file.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=[*_TEXTS, *_NUMBERS])
    return itertools.chain.from_iterable(batch.to_pylist() for batch in batches)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[pq.ParquetFile, int]]:
    """Open a file of records, and return it with the version of its records.

    Raises:
        StoreError: it is no such file; also where a part that is read in the block is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_regular(path, "records", StoreError) as opened:
        try:
            file = pq.ParquetFile(opened, page_checksum_verification=True)
            yield file, _checked_version(file, path)
        # UnicodeDecodeError: a text that is not UTF-8
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(path, one_line(error, 200)) from None


def _checked_version(file: pq.ParquetFile, path: Path) -> int:
    metadata, schema = file.metadata, file.schema_arrow
    text = (schema.metadata or {}).get(_VERSION)
    if text is None:
        raise StoreError(
            f"{path} is a Parquet file without whole records; make one of a store with: {EXAMPLE}"
        )
    version = int(text) if text.isdigit() and len(text) < 10 else 0
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has records of version {version}, and this rnnbench reads {SCHEMA_VERSION}: a "
            "newer rnnbench wrote it; type pip install --upgrade rnnbench"
        )
    if version < OLDEST_VERSION:
        raise _damaged(path, f"{one_line(repr(text), 60)} is no version of records")
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > _MOST_ROWS or size > _MOST_BYTES:
        raise StoreError(
            f"{path} has {metadata.num_rows:,} records of {size:,} bytes, more than rnnbench reads "
            "from one file; export fewer, or compare with the store itself"
        )
    for name, alias in {**dict.fromkeys(_TEXTS, "string"), **_NUMBERS}.items():
        place = schema.get_field_index(name)
        if place < 0 or schema.field(place).type != _type(alias):
            raise _damaged(path, f"it has no column {name} of type {alias}")
    return version


def _type(alias: str) -> pa.DataType:
    import pyarrow as pa

    return pa.type_for_alias(alias)


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} is damaged ({reason}); get the file again, or make it of its store with: {EXAMPLE}"
    )
