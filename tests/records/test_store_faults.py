"""The store under several processes, sudden death, a full disk, and new versions."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rnnbench.errors import StoreError
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
def test_what_was_added_survives_the_killing_of_its_writer(tmp_path: Path, lines: int) -> None:
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
    *added, told, count = done.stdout.splitlines()
    assert "Earlier records are intact" in told
    assert 0 < len(added) == int(count)
    with Store(path, must_exist=True) as store:
        assert store.check() is None
        assert set(store.statuses()) == set(added)
        made = record(seed=5000)
        assert store.add(made.spec, made.result, started_at="", seconds=1.0) == 1


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with Store(path) as store:
        store._connection.execute(
            "PRAGMA max_page_count = 40"
        )  # where SQLite itself says that the disk is full
        made = [record(seed=seed) for seed in range(4)]
        for each in made[:3]:
            store.add(each.spec, each.result, started_at="", seconds=1.0)
        with pytest.raises(
            StoreError, match=r"the disk is full: .* Earlier records are intact; free space"
        ):
            store.add(made[3].spec, made[3].result, started_at="", seconds=1.0, log="x" * 1_000_000)
        assert set(store.statuses()) == {each.trial_id for each in made[:3]}
        assert store.check() is None


# -- versions
# ------------------------------------------------------------------------------------------------------------

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("store-v*.db"))


def test_every_version_has_a_golden_store() -> None:
    assert [path.name for path in GOLDEN] == [
        f"store-v{version}.db" for version in range(1, schema.SCHEMA_VERSION + 1)
    ]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_a_store_of_every_version_opens(tmp_path: Path, golden: Path) -> None:
    path = tmp_path / golden.name
    path.write_bytes(golden.read_bytes())
    with Store(path, must_exist=True) as store:
        attempts = store.records(every_attempt=True)
        assert [each.result.status for each in attempts].count(Status.DONE) == 2
        assert [each.result.status for each in attempts].count(Status.FAILED) == 1
        assert sorted(each.attempt for each in attempts) == [1, 1, 2]
        assert [each.speed for each in store.records()].count(speed(1.5)) == 1
        assert {each.log for each in attempts} == {"a\nb"}


def test_the_identity_of_stored_trials_is_still_the_same() -> None:
    with closing(sqlite3.connect(GOLDEN[-1])) as golden:
        stored = {trial_id for (trial_id,) in golden.execute("SELECT trial_id FROM attempts")}
    twins = [record(model="lstm", seed=0), record(model="lstm", seed=0, model_options={"num_layers": 2},
                                                  task_options={"delay": 20})]  # fmt: skip
    assert {each.trial_id for each in twins} == stored


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "records.db"
    with Store(path) as store:
        made = record()
        store.add(made.spec, made.result, started_at="", seconds=1.0)
    return path


def note(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE attempts ADD COLUMN note TEXT NOT NULL DEFAULT ''")
    connection.execute("ALTER TABLE attempts DROP COLUMN note")
    connection.execute("CREATE TABLE notes (text TEXT)")


def fail(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE attempts")
    raise ZeroDivisionError


def break_down(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE attempts")
    connection.execute("SELECT * FROM nothing")


def newer(patch: pytest.MonkeyPatch, *migrations: schema.Migration) -> None:
    for version, migration in enumerate(migrations, schema.SCHEMA_VERSION):
        patch.setitem(schema.MIGRATIONS, version, migration)
    patch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + len(migrations))


def content(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as opened:
        return [opened.execute("PRAGMA user_version").fetchone(), *opened.iterdump()]


def test_an_upgrade_keeps_the_records_and_a_copy_of_the_file(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(old)
    version = schema.SCHEMA_VERSION
    taken = old.with_name(f"records.db.v{version}.backup")
    taken.write_text("precious", encoding="utf-8")
    with Store(old) as first:  # one that has it open in the old version
        newer(monkeypatch, note, lambda _: None)
        with Store(old) as store:
            assert len(store.records()) == 1
            assert store.check() is None
        assert len(first.records()) == 1
    with closing(sqlite3.connect(old)) as opened:
        assert opened.execute("PRAGMA user_version").fetchone() == (version + 2,)
        assert opened.execute("SELECT COUNT(*) FROM notes").fetchone() == (0,)
    assert taken.read_text(encoding="utf-8") == "precious"
    backup = old.with_name(f"records.db.v{version}.backup2")
    assert content(backup) == before
    Store(old).close()
    assert sorted(each.name for each in old.parent.iterdir()) == sorted(
        [old.name, taken.name, backup.name]
    )


@pytest.mark.parametrize(
    ("migration", "error"), [(fail, ZeroDivisionError), (break_down, StoreError)]
)
def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch, migration: schema.Migration, error: type[Exception]
) -> None:
    before = old.read_bytes()
    newer(monkeypatch, note, migration)
    with pytest.raises(error):
        Store(old)
    assert old.read_bytes() == before
    assert [each.name for each in old.parent.iterdir()] == [old.name]


def test_an_upgrade_waits_for_nobody_to_write_and_happens_once(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    newer(monkeypatch, calls.append)
    Store(old).close()
    Store(old).close()
    assert len(calls) == 1
