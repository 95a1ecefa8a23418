"""Tries of tuning studies in a store: kept apart from the trials whose scores are reported."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench import read_records, read_tries
from rnnbench.errors import StoreError
from rnnbench.records.rescue import rescue_records
from rnnbench.records.result import Record, Status
from rnnbench.records.store import Purpose, Store
from tests.support.factory import record
from tests.support.tries import try_record

REPORTED = [record(seed=seed) for seed in range(3)]
TRIES = [try_record(0, 0.5), try_record(1, None, status=Status.DIVERGED), try_record(2, 0.7)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "rnnbench.db") as opened:
        for each in (*TRIES, *REPORTED):
            put(opened, each)
        yield opened


def put(store: Store, made: Record) -> None:
    store.add(made.spec, made.result, started_at=made.started_at, seconds=made.seconds)


def ids(records: list[Record]) -> set[str]:
    return {each.trial_id for each in records}


def test_tries_are_returned_when_they_are_asked_for(store: Store) -> None:
    assert ids(store.records()) == ids(REPORTED)
    assert ids(store.records(purpose="tuning")) == ids(TRIES)
    assert ids(store.records(purpose="all")) == ids([*TRIES, *REPORTED])
    assert ids(read_records(store.path)) == ids(REPORTED)
    assert ids(read_tries(store.path)) == ids(TRIES)
    found = {each.trial_id: each for each in read_tries(store.path)}
    assert all(found[each.trial_id].result == each.result for each in TRIES)


@pytest.mark.parametrize(("purpose", "count"), [("reported", 3), ("tuning", 4), ("all", 7)])
def test_attempts_have_the_purpose_of_their_trial(
    store: Store, purpose: Purpose, count: int
) -> None:
    put(store, try_record(1, 0.6, attempt=2))
    assert len(store.records(every_attempt=True, purpose=purpose)) == count


def test_a_try_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    begin = TRIES[0].trial_id[:12]
    assert store.records(trial=begin) == []
    assert ids(store.records(trial=begin, purpose="all")) == ids(TRIES[:1])


def test_a_damaged_specification_is_reported(store: Store) -> None:
    with sqlite3.connect(store.path) as connection:
        connection.execute(
            "UPDATE attempts SET spec = '{' WHERE trial_id = ?", (TRIES[0].trial_id,)
        )
    for purpose in ("reported", "all"):
        with pytest.raises(StoreError, match="rescue"):
            store.records(purpose=purpose)
    assert ids(store.records(purpose="tuning")) == ids(TRIES[1:])


def test_tries_are_rescued_too(store: Store, tmp_path: Path) -> None:
    assert rescue_records(store.path, tmp_path / "new.db") == (6, 0)
    assert ids(read_tries(tmp_path / "new.db")) == ids(TRIES)
