"""The store: added records can be read back; other files are left as they are."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnbench.errors import StoreError
from rnnbench.records.result import Record, Status
from rnnbench.records.store import Store, comparable_key
from tests.support.factory import ENVIRONMENT, learning, record, speed, study

NOW = "2026-01-02T03:04:05Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def put(store: Store, made: Record) -> int:
    return store.add(
        made.spec,
        made.result,
        started_at=made.started_at,
        seconds=made.seconds,
        command=made.command,
        log=made.log,
    )


def refusal(path: Path, *, must_exist: bool = False) -> str:
    with pytest.raises(StoreError) as caught:
        Store(path, must_exist=must_exist)
    return str(caught.value)


# -- reading and writing


def test_records_come_back_as_they_were(store: Store) -> None:
    made = study(seeds=2, models=("lstm", "bilstm", "attention-lstm"))
    for each in made:
        put(store, each)
    found = {each.trial_id: each for each in store.records()}
    assert len(found) == len(made)
    for each in made:
        assert found[each.trial_id] == each.model_copy(update={"speed": None})


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    score=st.floats(),
    seconds=st.floats(allow_nan=False),
    log=st.text(),
    command=st.text(),
    error=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_number_and_any_text_can_be_stored(
    store: Store, score: float, seconds: float, log: str, command: str, error: str | None
) -> None:
    made = record(learned=learning(score, points=1), error=error)
    attempt = store.add(
        made.spec, made.result, started_at=NOW, seconds=seconds, command=command, log=log
    )
    (found,) = [each for each in store.records(every_attempt=True) if each.attempt == attempt]
    assert found.result.model_dump_json() == made.result.model_dump_json()
    assert found.seconds == seconds
    assert found.log == log.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_kept(store: Store, odd: float) -> None:
    put(store, record(learned=learning(odd)))
    (found,) = store.records()
    assert found.result.learning is not None
    assert found.result.learning.score == pytest.approx(odd, nan_ok=True)


def test_attempts_are_numbered_and_the_last_one_counts(store: Store) -> None:
    failed, done = record(status=Status.FAILED), record(score=0.5)
    assert [put(store, failed), put(store, done), put(store, record(seed=1))] == [1, 2, 1]
    assert [each.attempt for each in store.records() if each.trial_id == done.trial_id] == [2]
    assert [
        each.result.status for each in store.records(every_attempt=True, trial=done.trial_id)
    ] == ["failed", "done"]
    assert not store.is_open(done.trial_id)
    assert store.is_open("nobody")
    assert store.statuses() == {done.trial_id: Status.DONE, record(seed=1).trial_id: Status.DONE}


def test_trials_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    ids = sorted(each.trial_id for each in study(seeds=3))
    for each in study(seeds=3):
        put(store, each)
    for size in (0, 1, 2, 16):
        for begin in {each[:size] for each in ids}:
            assert sorted(each.trial_id for each in store.records(trial=begin)) == [
                i for i in ids if i.startswith(begin)
            ]
    for nothing in ("%", "*", "g", "\udcff", "'", ids[0] + "0"):
        assert store.records(trial=nothing) == []


@pytest.mark.parametrize(
    ("change", "comparable"),
    [
        ({"device": "NVIDIA H100"}, False),
        ({"processor": "other"}, False),
        ({"processor_model": "other"}, False),
        ({"instruction_set": "AVX2"}, False),
        ({"threads": 9}, False),
        ({"torch_version": "9"}, False),
        ({"memory_bytes": 1, "cores": 1, "platform": "other", "rnnbench_version": "9"}, True),
    ],
)
def test_speeds_are_comparable_on_one_processor(change: dict[str, Any], comparable: bool) -> None:
    other = ENVIRONMENT.model_copy(update=change)
    assert (comparable_key(other) == comparable_key(ENVIRONMENT)) is comparable


def test_a_speed_joins_the_records_of_its_configuration_and_environment(store: Store) -> None:
    here, other_seed, other_size = record(), record(seed=1), record(hidden_size=32)
    elsewhere = record(seed=2)
    threads = ENVIRONMENT.model_copy(update={"threads": 8})
    elsewhere = elsewhere.model_copy(
        update={"result": elsewhere.result.model_copy(update={"environment": threads})}
    )
    for each in (here, other_seed, other_size, elsewhere):
        put(store, each)
    store.add_speed(here.spec, speed(3.0), NOW)
    store.add_speed(here.spec, speed(2.0), NOW)
    found = {each.trial_id: each.speed for each in store.records()}
    assert found == {
        here.trial_id: speed(2.0),
        other_seed.trial_id: speed(2.0),
        other_size.trial_id: None,
        elsewhere.trial_id: None,
    }
    assert store.speeds() == {(here.spec.speed_id, comparable_key(ENVIRONMENT)): speed(2.0)}
    assert store.environment_of(elsewhere.trial_id) == threads
    assert store.environment_of("nothing") is None


def test_a_store_is_made_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/b/c.db", ":memory:", "file:x?mode=memory", "with 'quotes' and #?%.db"):
        with Store(name) as store:
            put(store, record())
        assert Path(name).is_file()
        with Store(name, must_exist=True) as store:
            assert len(store.records()) == 1
            assert store.check() is None


def test_weights_lie_beside_the_store(store: Store, path: Path) -> None:
    assert store.weights_of("abc") == path.parent / "records.db.weights" / "abc.safetensors"


# -- reservations

CLAIM = """
import sys
from rnnbench.records.store import Store
store = Store(sys.argv[1])
print(store.claim("trial"), flush=True)
sys.stdin.read()
"""


def claimant(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_claim_holds_as_long_as_its_process_lives(store: Store, path: Path) -> None:
    with claimant(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not store.claim("trial")
        assert not store.claim("trial", retry=frozenset(Status))
        assert store.claim("another trial")
        os.kill(other.pid, signal.SIGKILL)
        # Dead, and still a zombie.
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert store.claim("trial")
    with claimant(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "False\n"
        store.release("trial")
        assert other.stdin is not None
        other.stdin.close()


def test_a_claim_of_a_process_that_had_the_same_number_is_void(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO claims VALUES ('trial', ?, 12.5)", (os.getppid(),))
    assert store.claim("trial")


def test_a_process_may_repeat_its_own_claim(store: Store) -> None:
    assert store.claim("trial")
    assert store.claim("trial")


def test_an_attempted_trial_can_be_claimed_only_for_a_retry(store: Store) -> None:
    for seed, status in enumerate(Status):
        made = record(status=status, seed=seed)
        assert store.claim(made.trial_id)
        put(store, made)
        assert store.claim(made.trial_id) is (status is Status.INTERRUPTED)
        assert store.claim(made.trial_id, retry=frozenset({status}))


def test_a_retry_that_was_made_since_is_not_made_twice(store: Store) -> None:
    failed = record(status=Status.FAILED)
    put(store, failed)
    retry, known = frozenset({Status.FAILED}), store.attempts()[failed.trial_id]
    assert store.claim(failed.trial_id, retry=retry, attempts=known)
    put(store, failed)
    assert not store.claim(failed.trial_id, retry=retry, attempts=known)
    assert not store.is_open(failed.trial_id, retry=retry, attempts=known)
    assert store.claim(failed.trial_id, retry=retry, attempts=known + 1)
    put(store, record(status=Status.INTERRUPTED))
    assert store.claim(failed.trial_id, retry=retry, attempts=known), (
        "what was interrupted is run again by anyone"
    )


def test_adding_gives_up_the_claim(store: Store, path: Path) -> None:
    made = record()
    store.claim(made.trial_id)
    put(store, made)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT COUNT(*) FROM claims").fetchone() == (0,)


# -- files that are not stores


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE attempts (x)")
        other.execute("INSERT INTO attempts VALUES ('precious')")


def newer_store(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


def versionless_store(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 0")


MAKERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a text": (lambda path: path.write_text("precious\n" * 100), "is not a store of rnnbench"),
    "a short text": (lambda path: path.write_text("x"), "is not a store of rnnbench"),
    "another database": (foreign_database, "not a store of rnnbench"),
    "a newer store": (newer_store, "store version 99"),
    "a store of no version": (versionless_store, "store version 0"),
}


@pytest.mark.parametrize("must_exist", [True, False])
@pytest.mark.parametrize("name", MAKERS)
def test_other_files_are_refused_and_left_as_they_are(
    tmp_path: Path, path: Path, name: str, must_exist: bool
) -> None:
    make, message = MAKERS[name]
    make(path)
    before = path.read_bytes()
    said = refusal(path, must_exist=must_exist)
    assert message in said
    assert "\n" not in said
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_places_where_no_store_can_be(tmp_path: Path, path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    path.write_text("x", encoding="utf-8")
    assert "is a folder" in refusal(tmp_path)
    assert "rnnbench run" in refusal(tmp_path / "absent.db", must_exist=True)
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "not a regular file" in refusal(Path("/dev/null"))
    assert "Not a directory" in refusal(path / "below.db") or "File exists" in refusal(
        path / "below.db"
    )
    assert "File name too long" in refusal(tmp_path / ("x" * 300))
    assert "is not a path" in refusal(tmp_path / "a\0b")


def test_reading_does_not_make_a_store_of_an_empty_file(path: Path) -> None:
    path.touch()
    assert "rnnbench run" in refusal(path, must_exist=True)
    assert path.stat().st_size == 0
    # A run does: a process that is killed while it creates a store leaves an empty file.
    with Store(path) as store:
        assert store.records() == []


def test_a_file_without_write_permission_can_be_read_and_not_written(path: Path) -> None:
    with Store(path) as store:
        put(store, record())
    code = """
import os, sys
from rnnbench.errors import StoreError
from rnnbench.records.store import Store
from tests.support.factory import record
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
with Store(sys.argv[1], must_exist=True) as store:
    print(len(store.records()))
    made = record(seed=1)
    try:
        store.add(made.spec, made.result, started_at="", seconds=1.0)
    except StoreError as error:
        print(error)
"""
    path.chmod(0o444)
    for folder in path.parents:
        # The folders of pytest are readable by their owner only.
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o555)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    count, message = done.stdout.splitlines()
    assert count == "1"
    assert "cannot be written" in message


# -- damage


def read_or_refused(path: Path) -> list[Record] | str:
    try:
        with Store(path, must_exist=True) as store:
            store.check()
            store.statuses()
            return store.records(every_attempt=True)
    except StoreError as error:
        return str(error)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "records.db"
    with Store(path) as store:
        for each in study(seeds=1, tasks=("copy-memory",), points=3):
            put(store, each)
        store.add_speed(record().spec, speed(), NOW)
    return path


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_truncated_store_is_refused_unless_nothing_is_missing(
    path: Path, whole: Path, part: float
) -> None:
    rest = whole.read_bytes()[: max(1, int(part * whole.stat().st_size))]
    path.write_bytes(rest)
    outcome = read_or_refused(path)
    assert isinstance(outcome, str) or outcome == read_or_refused(whole)
    assert path.read_bytes() == rest


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(part=st.floats(0, 0.01) | st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_store_with_a_flipped_bit_is_read_or_refused(
    path: Path, whole: Path, part: float, bit: int
) -> None:
    flipped = bytearray(whole.read_bytes())
    flipped[int(part * len(flipped))] ^= 1 << bit
    path.write_bytes(flipped)
    outcome = read_or_refused(path)
    assert "\n" not in outcome if isinstance(outcome, str) else len(outcome) <= 5


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE attempts SET spec = '{}'", "cannot be read"),
        ("UPDATE attempts SET result = 'x'", "cannot be read"),
        ("UPDATE attempts SET status = 'dome'", "the status of trial"),
        ("UPDATE attempts SET seconds = 'x'", "cannot be read"),
        ("UPDATE attempts SET log = x'ff'", "cannot be read"),
        ("UPDATE attempts SET log = CAST(x'ff' AS TEXT)", "is damaged"),
        ("UPDATE speeds SET speed = '{}'", "speed"),
        ("DROP TABLE attempts", "is damaged"),
    ],
)
def test_damaged_content_is_reported_with_the_command_to_type(
    path: Path, whole: Path, statement: str, message: str
) -> None:
    path.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)
    outcome = read_or_refused(path)
    assert isinstance(outcome, str)
    assert message in outcome
    assert "rnnbench doctor --store" in outcome
    assert "--rescue NEW.db" in outcome
