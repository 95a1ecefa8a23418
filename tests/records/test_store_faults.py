"""The store under several processes, killed writers, a full disk, and earlier releases."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rnnbench.contract.registry import load
from rnnbench.errors import StoreError
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records import schema
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.support.factory import record, speed

WRITER = """
import sys
from rnnbench.records.store import Store
from tests.support.factory import record
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with Store(path) as store:
    for seed in range(first, first + count):
        made = record(seed=seed)
        store.add(made.spec, made.result, started_at=made.started_at, seconds=1.0)
        print(made.trial_id, flush=True)
"""


def writer(path: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_make_one_store_at_once_both_write_it(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    writers = [writer(path, first, 40) for first in (0, 1000)]
    said = [each.communicate() for each in writers]
    assert [each.returncode for each in writers] == [0, 0], said
    with Store(path, must_exist=True) as store:
        assert {each.trial_id for each in store.records()} == {
            word for out, _ in said for word in out.split()
        }
        assert len(store.records()) == 80
        assert store.check() is None


@pytest.mark.parametrize("lines", [0, 3, 25])
def test_added_records_survive_the_killing_of_their_writer(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "records.db"
    process = writer(path, 0, 100_000)
    assert process.stdout is not None
    added = [process.stdout.readline().strip() for _ in range(lines)]
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate()
    added += rest.split()
    with Store(path) as store:
        assert set(added) <= set(store.statuses())
        assert len(store.records()) <= len(added) + 1
        assert store.check() is None


FILLER = """
import resource, sys
from rnnbench.errors import StoreError
from rnnbench.records.store import Store
from tests.support.factory import record
with Store(sys.argv[1]) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for seed in range(1000):
        made = record(seed=seed)
        try:
            store.add(made.spec, made.result, started_at="", seconds=1.0)
        except StoreError as error:
            print(error)
            break
        print(made.trial_id)
    print(len(store.records()))
"""


def test_a_file_that_can_grow_no_further_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(path)], capture_output=True, text=True, check=True
    )
    *added, message, count = done.stdout.splitlines()
    assert "Earlier records are intact" in message
    assert 0 < len(added) == int(count)
    with Store(path, must_exist=True) as store:
        assert store.check() is None
        assert set(store.statuses()) == set(added)
        made = record(seed=5000)
        assert store.add(made.spec, made.result, started_at="", seconds=1.0) == 1


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing(full_disk: Path) -> None:
    with Store(full_disk / "records.db") as store:
        made = record()
        store.add(made.spec, made.result, started_at="", seconds=1.0)
        with pytest.raises(StoreError, match="disk is full"):
            store.add(made.spec, made.result, started_at="", seconds=1.0, log="x" * 1_000_000)
        assert set(store.statuses()) == {made.trial_id}
        assert store.check() is None


FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = FOLDER / f"store-v{schema.SCHEMA_VERSION}.db"


def test_a_store_of_an_earlier_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes((FOLDER / "store-v1.db").read_bytes())
    with pytest.raises(StoreError, match=r"store version 1.*run the trials again into a new store"):
        Store(path)
    assert path.read_bytes() == (FOLDER / "store-v1.db").read_bytes()


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(GOLDEN.read_bytes())
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match=r"a newer rnnbench wrote it; type pip install --upgrade"):
        Store(path)


@pytest.mark.parametrize("version", range(2, schema.SCHEMA_VERSION + 1))
def test_a_store_written_by_an_earlier_release_opens(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.db"
    path.write_bytes((FOLDER / f"store-v{version}.db").read_bytes())
    with Store(path, must_exist=True) as store:
        attempts = store.records(every_attempt=True)
        assert [each.result.status for each in attempts].count(Status.DONE) == 2
        assert [each.result.status for each in attempts].count(Status.FAILED) == 1
        assert sorted(each.attempt for each in attempts) == [1, 1, 2]
        assert [each.speed for each in store.records()].count(speed(1.5)) == 1
        assert {each.log for each in attempts} == {"a\nb"}


def test_a_store_that_cannot_be_upgraded_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes((FOLDER / "store-v2.db").read_bytes())
    uri = f"file:{path}?immutable=1"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
        pytest.raises(StoreError, match=r"earlier store version .* because it is read-only"),
    ):
        schema.prepare(connection, path, must_exist=True)
    assert path.read_bytes() == (FOLDER / "store-v2.db").read_bytes()


RUN_V2 = Request(
    ["copy-memory[delay=3]", "adding"],
    ["lstm", "gru"],
    seeds=2,
    preset="quick",
    hidden_size=4,
    settings={"steps": 4, "batch_size": 4, "validation_size": 16, "test_size": 16},
)
"""The trials of ``run-v2.db``, which the release with store version 2 ran, and below one more."""
DECAYED = replace(
    RUN_V2,
    tasks=["copy-memory[delay=3]"],
    models=["gru"],
    settings={
        **RUN_V2.settings,
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "weight_decay_on": "all",
    },
)


def test_the_trials_of_a_run_of_an_earlier_release_are_still_found_as_done(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes((FOLDER / "run-v2.db").read_bytes())
    planned = [spec for request in (RUN_V2, DECAYED) for spec in make_plan(request, load())]
    with Store(path, must_exist=True) as store:
        assert store.statuses() == dict.fromkeys((s.trial_id for s in planned), Status.DONE)
        records = store.records()
        assert all(each.spec.trial_id == each.trial_id for each in records)
        # of the speed pass, which is joined by a hash of its own
        assert sum(each.speed is not None for each in records) == 10
    # Weight decay of this release leaves biases out: that is another training.
    settings = {**DECAYED.settings, "weight_decay_on": "weights"}
    for spec in make_plan(replace(DECAYED, settings=settings), load()):
        assert spec.trial_id not in {each.trial_id for each in records}


@pytest.mark.parametrize("version", range(2, schema.SCHEMA_VERSION + 1))
def test_the_identity_of_stored_trials_is_still_the_same(version: int) -> None:
    with closing(sqlite3.connect(FOLDER / f"store-v{version}.db")) as golden:
        stored = {trial_id for (trial_id,) in golden.execute("SELECT trial_id FROM attempts")}
    twins = [
        record(model="lstm", seed=0),
        record(model="lstm", seed=0, model_options={"num_layers": 2}, task_options={"delay": 20}),
    ]
    assert {each.trial_id for each in twins} == stored
