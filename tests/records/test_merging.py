"""Merging stores: nothing is lost, the order does not matter, and again changes nothing."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnbench
from rnnbench.errors import OutputError, StoreError
from rnnbench.records.archive import compacted, write_archive
from rnnbench.records.merging import merge_stores
from rnnbench.records.result import Record, Status
from rnnbench.records.schema import SCHEMA_VERSION
from rnnbench.records.store import Store
from tests.support.factory import record, speed
from tests.support.tries import try_record

Row = tuple[Any, ...]


def made(seed: int, hour: int, status: Status = Status.DONE, score: float = 0.5) -> Record:
    found = record(score, seed=seed, status=status)
    return found.model_copy(update={"started_at": f"2026-01-01T{hour:02d}:00:00Z"})


def fill(path: Path, found: Sequence[Record]) -> Path:
    with Store(path) as store:
        for each in found:
            store.add(
                each.spec,
                each.result,
                started_at=each.started_at,
                seconds=each.seconds,
                command=each.command,
                log=each.log,
            )
    return path


def rows(path: Path, table: str = "attempts") -> list[Row]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}"))


ATTEMPTS = st.builds(
    made,
    st.integers(0, 2),
    st.integers(0, 23),
    st.sampled_from([Status.DONE, Status.FAILED, Status.INTERRUPTED]),
    st.sampled_from([0.25, 0.5]),
)
STORES = st.lists(
    st.lists(ATTEMPTS, max_size=5, unique_by=lambda each: (each.trial_id, each.started_at)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(STORES)
def test_every_attempt_is_kept_whatever_the_order_and_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, stores: list[list[Record]]
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    sources = [fill(folder / f"{n}.db", found) for n, found in enumerate(stores)]
    before = [path.read_bytes() for path in sources]
    results = []
    for n, order in enumerate(itertools.permutations(sources)):
        target = folder / f"all-{n}.db"
        first = merge_stores(target, order)
        once = rows(target)
        again = merge_stores(target, order)
        assert (again.added, again.trials, again.speeds, again.conflicts) == (0, 0, 0, ())
        assert again.known == first.added + first.known == sum(map(len, stores))
        assert rows(target) == once
        results.append(once)
    assert all(result == results[0] for result in results)
    assert [path.read_bytes() for path in sources] == before
    kept = {(row[0], row[2], row[3]) for row in results[0]}
    given_ones = {
        (each.trial_id, str(each.result.status), each.started_at)
        for found in stores
        for each in found
    }
    assert kept == given_ones
    with Store(folder / "all-0.db") as store:
        done = {each.trial_id for found in stores for each in found if each.result.learning}
        assert {each.trial_id for each in store.records() if each.result.learning} == done


def test_a_finished_attempt_counts_and_the_latest_of_several(tmp_path: Path) -> None:
    a = fill(tmp_path / "a.db", [made(0, 9, score=0.25), made(1, 9, Status.FAILED)])
    b = fill(tmp_path / "b.db", [made(0, 8, score=0.5), made(0, 10, Status.FAILED), made(1, 8)])
    merged = merge_stores(tmp_path / "all.db", [a, b])
    with Store(tmp_path / "all.db") as store:
        counting = {each.spec.seed: each for each in store.records()}
    assert counting[0].started_at.endswith("T09:00:00Z")
    assert counting[1].result.status is Status.DONE
    first, second = sorted(merged.conflicts, key=lambda each: len(each.others), reverse=True)
    assert (first.counts.score, [other.score for other in first.others]) == (0.25, [0.5, None])
    assert (second.counts.status, second.others[0].status) == ("done", "failed")


def test_equal_results_and_interrupted_attempts_are_no_conflict(tmp_path: Path) -> None:
    a = fill(tmp_path / "a.db", [made(0, 9), made(1, 9, Status.INTERRUPTED)])
    b = fill(tmp_path / "b.db", [made(0, 12), made(1, 12)])
    merged = merge_stores(tmp_path / "all.db", [a, b])
    assert (merged.added, merged.trials, merged.conflicts) == (4, 2, ())


def test_a_store_in_parts_has_the_same_report_as_the_whole(tmp_path: Path) -> None:
    found = [made(seed, seed, score=0.1 * seed) for seed in range(6)] + [try_record(0, 0.7)]
    whole = fill(tmp_path / "whole.db", found)
    parts = [fill(tmp_path / f"{n}.db", found[n::3]) for n in range(3)]
    assert rnnbench.merge_stores(tmp_path / "all.db", *map(str, parts)).added == len(found)
    assert rows(tmp_path / "all.db") == rows(whole)
    for source in ("whole", "all"):
        rnnbench.write_report(tmp_path / f"{source}.db", tmp_path / source)
    for path in (tmp_path / "whole").rglob("*.*"):
        other = tmp_path / "all" / path.relative_to(tmp_path / "whole")
        assert other.read_bytes() == path.read_bytes()


def test_a_file_of_records_is_merged_like_its_store_and_a_fuller_record_replaces_it(
    tmp_path: Path,
) -> None:
    found = [made(0, 9), made(1, 10)]
    found[0] = found[0].model_copy(update={"log": "a line\n" * 20})
    whole = fill(tmp_path / "whole.db", found)
    write_archive(map(compacted, found), tmp_path / "compact.parquet")
    target = tmp_path / "all.db"
    assert merge_stores(target, [tmp_path / "compact.parquet"]).added == 2
    assert rows(target) != rows(whole)
    assert merge_stores(target, [whole]).added == 0
    assert rows(target) == rows(whole)
    assert merge_stores(target, [tmp_path / "compact.parquet"]).known == 2
    assert rows(target) == rows(whole)


def test_the_later_speed_of_a_configuration_is_kept(tmp_path: Path) -> None:
    one = made(0, 9)
    for name, ratio, hour in (("a", 1.0, 9), ("b", 2.0, 11)):
        with Store(fill(tmp_path / f"{name}.db", [one])) as store:
            store.add_speed(one.spec, speed(ratio), f"2026-01-01T{hour:02d}:00:00Z")
    for names in ("ab", "ba"):
        target = tmp_path / f"{names}.db"
        merge_stores(target, [tmp_path / f"{name}.db" for name in names])
        with Store(target) as store:
            (kept,) = store.speeds().values()
        assert kept == speed(2.0)


def test_weights_come_along(tmp_path: Path) -> None:
    one, other = made(0, 9), made(1, 9)
    a, b = fill(tmp_path / "a.db", [one]), fill(tmp_path / "b.db", [other])
    for path, each in ((a, one), (b, other)):
        with Store(path) as store:
            store.weights.mkdir()
            store.weights_of(each.trial_id).write_text(path.name)
    merge_stores(a, [b])
    with Store(a) as store:
        assert store.weights_of(one.trial_id).read_text() == "a.db"
        assert store.weights_of(other.trial_id).read_text() == "b.db"


def weighted(path: Path, found: Sequence[Record]) -> Path:
    """Fill a store whose weights are the name of its file."""
    with Store(fill(path, found)) as store:
        store.weights.mkdir()
        for each in found:
            store.weights_of(each.trial_id).write_text(path.name)
    return path


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_the_weights_are_those_of_the_attempt_that_counts(tmp_path: Path, names: str) -> None:
    weighted(tmp_path / "a.db", [made(0, 9)])
    weighted(tmp_path / "b.db", [made(0, 12)])
    merge_stores(tmp_path / "all.db", [tmp_path / f"{name}.db" for name in names])
    with Store(tmp_path / "all.db") as store:
        assert store.weights_of(made(0, 9).trial_id).read_text() == "b.db"


def test_weights_that_an_earlier_merge_did_not_copy_are_copied(tmp_path: Path) -> None:
    one = made(0, 9)
    source = weighted(tmp_path / "a.db", [one])
    merge_stores(tmp_path / "all.db", [source])
    with Store(tmp_path / "all.db") as store:
        store.weights_of(one.trial_id).unlink()
    assert merge_stores(tmp_path / "all.db", [source]).added == 0
    with Store(tmp_path / "all.db") as store:
        assert store.weights_of(one.trial_id).is_file()


def test_weights_that_cannot_be_copied_leave_no_record(tmp_path: Path) -> None:
    source = weighted(tmp_path / "a.db", [made(0, 9)])
    target = tmp_path / "all.db"
    Store.weights_beside(target).write_text("a file in the place of the folder")
    with pytest.raises((OSError, OutputError)):
        merge_stores(target, [source])
    assert not target.exists()


def test_a_store_that_was_killed_in_a_write_is_merged(tmp_path: Path) -> None:
    path = fill(tmp_path / "a.db", [made(0, 9)])
    script = (
        "import os, signal, sqlite3, sys\n"
        "run = sqlite3.connect(sys.argv[1], isolation_level=None).execute\n"
        "run('PRAGMA cache_spill = 1'); run('PRAGMA cache_size = 1'); run('BEGIN IMMEDIATE')\n"
        "for n in range(200):\n"
        "    run('INSERT INTO claims VALUES (?, 1, 1.0)', (str(n) * 500,))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert path.with_name("a.db-journal").exists()
    assert merge_stores(tmp_path / "all.db", [path]).added == 1


def test_an_infinite_score_is_a_result_like_another(tmp_path: Path) -> None:
    a = fill(tmp_path / "a.db", [made(0, 9, score=float("inf"))])
    b = fill(tmp_path / "b.db", [made(0, 10, score=float("nan"))])
    c = fill(tmp_path / "c.db", [made(0, 11, score=float("nan"))])
    (conflict,) = merge_stores(tmp_path / "all.db", [a, b, c]).conflicts
    assert str(conflict.counts).startswith("done nan")
    assert [str(other).split(" (")[0] for other in conflict.others] == ["done inf"]


def newer(path: Path) -> None:
    fill(path, [made(1, 9)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def damaged(path: Path) -> None:
    fill(path, [made(1, 9)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE attempts SET result = '{}'")


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (newer, "newer rnnbench"),
        (damaged, "cannot be read"),
        (lambda path: path.write_text("hello, this is no database"), "not a store"),
        (Path.touch, "empty"),
        (Path.mkdir, "no such store"),
        (Path.exists, "no such store"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_the_target_as_it_is(
    tmp_path: Path, make: Any, told: str, is_new: bool
) -> None:
    good, bad, target = tmp_path / "good.db", tmp_path / "bad.db", tmp_path / "all.db"
    fill(good, [made(0, 9)])
    make(bad)
    if not is_new:
        fill(target, [made(2, 9)])
    before = None if is_new else rows(target)
    with pytest.raises(StoreError, match=told) as caught:
        merge_stores(target, [good, bad])
    assert str(bad) in str(caught.value)
    assert not target.exists() if is_new else rows(target) == before


def test_a_store_is_not_merged_into_itself(tmp_path: Path) -> None:
    path = fill(tmp_path / "a.db", [made(0, 9)])
    with pytest.raises(StoreError, match="merged into"):
        merge_stores(path, [path])
