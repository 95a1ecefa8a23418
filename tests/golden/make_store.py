"""Write the golden store and the golden file of records of the present schema version.

``python -m tests.golden.make_store``.

Run once when the schema version is raised; the files of earlier versions are never written again.
"""

from __future__ import annotations

from pathlib import Path

from rnnbench import write_records
from rnnbench.records.result import Status
from rnnbench.records.schema import SCHEMA_VERSION
from rnnbench.records.store import Store
from tests.support.factory import record, speed

FOLDER = Path(__file__).parent


def make(path: Path) -> None:
    """Write a store of two trials: one with two attempts, one with a measured speed."""
    failed = record(model="lstm", seed=0, status=Status.FAILED, error="RuntimeError: boom")
    done = record(model="lstm", seed=0, model_options={"num_layers": 2}, task_options={"delay": 20})
    again = record(spec=failed.spec)
    with Store(path) as store:
        for made in (failed, again, done):
            store.add(
                made.spec,
                made.result,
                started_at=made.started_at,
                seconds=made.seconds,
                command=made.command,
                log="a\nb",
            )
        store.add_speed(done.spec, speed(1.5), "2026-01-02T03:04:05Z")


if __name__ == "__main__":
    store = FOLDER / f"store-v{SCHEMA_VERSION}.db"
    make(store)
    write_records(store, FOLDER / f"records-v{SCHEMA_VERSION}.parquet")
