"""``rnnbench doctor``: checks of the installation and the store, and rescue of damaged stores."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rnnbench.cli.doctor import PACKAGES, check_store
from rnnbench.errors import OutputError, RnnbenchError, StoreError
from rnnbench.records.rescue import rescue_records
from rnnbench.records.result import Record
from rnnbench.records.store import Store
from tests.support.calling import call
from tests.support.factory import record, speed

SEEDS = 12
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "records.db"
    with Store(path) as store:
        for seed in range(SEEDS):
            made = record(seed=seed)
            for _ in range(1 + seed % 2):
                store.add(
                    made.spec,
                    made.result,
                    started_at=made.started_at,
                    seconds=1.0,
                    command="run",
                    log="said",
                )
        store.add_speed(record().spec, speed(), "2026-01-02T03:04:05Z")
    return path


@pytest.fixture
def damaged(tmp_path: Path, whole: Path) -> Path:
    path = tmp_path / "damaged #1.db"
    path.write_bytes(whole.read_bytes())
    return path


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as opened, opened:
        for statement in statements:
            opened.execute(statement)


def zero_page(path: Path, number: int) -> None:
    content = bytearray(path.read_bytes())
    content[number * PAGE : (number + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(content)


def every_attempt(path: Path) -> list[Record]:
    with Store(path, must_exist=True) as store:
        assert store.check() is None
        return store.records(every_attempt=True)


def test_a_whole_store_is_healthy(whole: Path, tmp_path: Path) -> None:
    finding = check_store(whole)
    assert finding.good
    assert f"{SEEDS + SEEDS // 2} attempts, all readable" in finding.text
    assert check_store(tmp_path / "absent.db").good


def test_other_files_are_not_healthy(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("precious\n" * 100, encoding="utf-8")
    for strange in (path, tmp_path, tmp_path / ("x" * 300)):
        finding = check_store(strange)
        assert not finding.good
        assert finding.text.isprintable()


def test_a_damaged_store_is_reported_with_the_command_to_rescue_it(damaged: Path) -> None:
    execute(damaged, "UPDATE attempts SET result = 'x' WHERE attempt = 2")
    assert "--rescue NEW.db" in check_store(damaged).text
    zero_page(damaged, 5)
    finding = check_store(damaged)
    assert not finding.good
    assert "--rescue NEW.db" in finding.text


def test_everything_of_a_whole_store_is_rescued(damaged: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "rescued.db"
    assert rescue_records(damaged, new) == (SEEDS + SEEDS // 2, 0)
    assert every_attempt(new) == every_attempt(damaged)


def test_attempts_that_cannot_be_read_are_counted_and_left_out(
    damaged: Path, tmp_path: Path
) -> None:
    broken = record(seed=0).trial_id, record(seed=2).trial_id, record(seed=4).trial_id
    for trial_id, change in zip(
        broken, ("result = 'x'", "spec = x'ff'", "started_at = x'ff'"), strict=True
    ):
        execute(damaged, f"UPDATE attempts SET {change} WHERE trial_id = '{trial_id}'")
    execute(damaged, "UPDATE speeds SET speed = '{}'")
    before = damaged.read_bytes()
    assert rescue_records(damaged, tmp_path / "new.db") == (SEEDS + SEEDS // 2 - 3, 3)
    assert {each.trial_id for each in every_attempt(tmp_path / "new.db")}.isdisjoint(broken)
    assert damaged.read_bytes() == before


def test_a_lost_page_costs_only_what_was_on_it(damaged: Path, tmp_path: Path) -> None:
    pages = damaged.stat().st_size // PAGE
    kept = []
    # The first page holds the list of the tables.
    for number in range(2, pages, pages // 8):
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged.read_bytes())
        zero_page(path, number)
        kept.append(rescued_or_refused(path, tmp_path / f"{number}-new.db"))
    assert sorted(kept)[len(kept) // 2] >= SEEDS + SEEDS // 2 - 5
    assert max(kept) == SEEDS + SEEDS // 2


def rescued_or_refused(path: Path, new: Path) -> int:
    try:
        kept, _ = rescue_records(path, new)
    except RnnbenchError:
        return 0
    assert len(every_attempt(new)) == kept
    return kept


def test_an_unfinished_write_is_undone_before_reading(damaged: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(damaged, isolation_level=None)) as opened:
        # Changes then reach the file before they are committed.
        opened.execute("PRAGMA cache_size = 1")
        opened.execute("BEGIN")
        opened.execute("UPDATE attempts SET result = 'x' || result")
        copy = tmp_path / "copy.db"
        copy.write_bytes(damaged.read_bytes())
        copy.with_name("copy.db-journal").write_bytes(
            damaged.with_name(f"{damaged.name}-journal").read_bytes()
        )
        opened.execute("ROLLBACK")
    assert copy.read_bytes() != damaged.read_bytes()
    assert rescue_records(copy, tmp_path / "new.db") == (SEEDS + SEEDS // 2, 0)


def test_a_rescue_refuses_impossible_requests(damaged: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("precious\n" * 100, encoding="utf-8")
    with pytest.raises(OutputError, match="--rescue"):
        rescue_records(damaged, text)
    with pytest.raises(StoreError, match="no such store"):
        rescue_records(tmp_path / "absent.db", tmp_path / "new.db")
    with pytest.raises(StoreError, match="no readable record"):
        rescue_records(text, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
    assert text.read_text(encoding="utf-8") == "precious\n" * 100


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# The error message of SQLite about it is not UTF-8.
@example(noise=[(0.019909427135722746, b"\x80")])
@example(noise=[(0.021484375, b"\x80")])
@given(
    noise=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)),
        min_size=1,
        max_size=20,
    )
)
def test_any_damage_is_rescued_from_or_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: Path, noise: list[tuple[float, bytes]]
) -> None:
    content = bytearray(whole.read_bytes())
    for part, change in noise:
        place = int(part * len(content))
        content[place : place + len(change)] = change
    folder = tmp_path_factory.mktemp("noise")
    (folder / "damaged.db").write_bytes(content)
    assert rescued_or_refused(folder / "damaged.db", folder / "new.db") <= SEEDS + SEEDS // 2
    assert check_store(folder / "damaged.db").text.isprintable()


def test_doctor_looks_at_the_installation_and_the_store(store: Path) -> None:
    answer = call("doctor")
    assert answer.code == 0, answer
    assert all(line.startswith("ok    ") for line in answer.out.splitlines())
    for word in (
        *PACKAGES,
        "plugin lstm",
        "GPU",
        "separate processes",
        "rnnbench.db: 7 attempts, all readable",
    ):
        assert word in answer.out
    assert store.exists()


def test_doctor_rescues_a_damaged_store(folder: Path) -> None:
    made = [record(seed=seed) for seed in range(20)]
    with Store("old.db") as opened:
        for each in made:
            opened.add(each.spec, each.result, started_at=each.started_at, seconds=1.0)
    content = bytearray((folder / "old.db").read_bytes())
    content[5 * 4096 : 6 * 4096] = bytes(4096)
    (folder / "old.db").write_bytes(content)
    answer = call("doctor", "--store", "old.db", "--rescue", "new.db")
    with Store("new.db", must_exist=True) as rescued:
        kept = len(rescued.records())
    lost = len(made) - kept
    assert kept >= 16
    assert answer.out.endswith(f"{kept} attempts copied to new.db, {lost} could not be read\n")
    assert answer.code == (1 if lost else 0)
    assert "--rescue" in call("doctor", "--store", "old.db", "--rescue", "new.db").complaint
