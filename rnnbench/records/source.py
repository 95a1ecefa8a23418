"""The records of a file, which is a store or a Parquet file of records: its content decides."""

from __future__ import annotations

from pathlib import Path

from rnnbench.records.archive import is_archive, read_archive
from rnnbench.records.result import Record
from rnnbench.records.store import Purpose, Store


def read_source(
    path: Path, *, purpose: Purpose = "reported", every_attempt: bool = False
) -> list[Record]:
    """Return the records of a store or of a Parquet file of records, oldest first.

    Args:
        path: the file.
        purpose: trials whose scores are reported, tries of tuning studies, or all of them.
        every_attempt: every attempt of a trial instead of the last one.

    Raises:
        StoreError: there is no such file, or it cannot be read.
    """
    if is_archive(path):
        return read_archive(path, purpose=purpose, every_attempt=every_attempt)
    with Store(path, must_exist=True) as store:
        return store.records(purpose=purpose, every_attempt=every_attempt)
