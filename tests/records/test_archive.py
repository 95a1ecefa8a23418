"""Whole records in Parquet: they come back equal, and other or damaged files are refused."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rnnbench
from rnnbench.errors import OutputError, StoreError
from rnnbench.records.archive import compacted, is_archive, read_archive, write_archive
from rnnbench.records.result import Record, Status
from rnnbench.records.schema import OLDEST_VERSION, SCHEMA_VERSION
from rnnbench.records.store import Store
from tests.support.factory import learning, plots, record, study
from tests.support.tries import try_record

GOLDEN = Path(__file__).parents[1] / "golden"
KEY = b"rnnbench.records"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.parquet"


def by_id(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda each: (each.trial_id, each.attempt))


def rewritten(path: Path, change: Any) -> None:
    """Apply ``change`` to the rows of a file, and keep its metadata."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        read_archive(path, purpose="all")
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_store_and_its_file_hold_the_same_records(tmp_path: Path, path: Path) -> None:
    store = tmp_path / "store.db"
    shutil.copy(GOLDEN / "run-v2.db", store)  # of a real run
    with Store(store) as opened:
        tried = try_record(3, 0.5)
        opened.add(tried.spec, tried.result, started_at=tried.started_at, seconds=1.0, log="a\nb")
    count = rnnbench.write_records(store, path)
    assert rnnbench.read_records(path) == rnnbench.read_records(store)
    assert rnnbench.read_tries(path) == rnnbench.read_tries(store)
    assert len(rnnbench.read_tries(path)) == 1
    assert count == len(rnnbench.read_records(store)) + 1
    assert any(each.speed is not None for each in rnnbench.read_records(path))
    assert rnnbench.results(path).equals(rnnbench.results(store))


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
scores = st.floats(allow_nan=False) | st.sampled_from([float("inf"), float("-inf")])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_records_come_back_equal(path: Path, data: st.DataObject) -> None:
    written = []
    for seed in range(data.draw(st.integers(0, 4))):
        made = record(
            learned=learning(0.5, last_score=data.draw(scores)),
            seed=seed,
            status=data.draw(st.sampled_from([Status.DONE, Status.FAILED, Status.DIVERGED])),
            error=data.draw(texts),
            ratio=data.draw(st.sampled_from([None, 1.5])),
            drawn=plots() if seed == 0 else (),
            attempt=data.draw(st.integers(1, 3)),
            command=data.draw(texts),
        )
        result = made.result.model_copy(update={"traceback": data.draw(st.none() | texts)})
        seconds = data.draw(st.floats(0, 1e9))
        changes = {"result": result, "seconds": seconds, "log": data.draw(texts)}
        written.append(made.model_copy(update=changes))
    write_archive(written, path)
    assert by_id(read_archive(path)) == by_id(written)


def test_the_file_is_a_table_that_others_can_read(path: Path) -> None:
    write_archive([record(0.9, task_options={"delay": 20}, seed=3), try_record(0, 0.5)], path)
    frame = pq.read_table(path).to_pandas().set_index("purpose")
    assert frame.loc["reported", ["task", "model", "seed", "status"]].to_list() == [
        *("copy-memory[delay=20]", "lstm", 3, "done"),
    ]
    assert frame.loc["tuning", "trial_id"] == try_record(0, 0.5).trial_id


def test_the_last_attempt_counts_unless_all_are_asked_for(path: Path) -> None:
    write_archive([record(0.9, attempt=2), record(0.1, status=Status.FAILED)], path)
    assert [each.attempt for each in read_archive(path)] == [2]
    assert len(read_archive(path, every_attempt=True)) == 2


def test_golden_files_are_read(tmp_path: Path) -> None:
    """The file of each version has the records of the store of that version."""
    for version in range(OLDEST_VERSION, SCHEMA_VERSION + 1):
        golden = GOLDEN / f"records-v{version}.parquet"
        store = tmp_path / f"store-v{version}.db"
        shutil.copy(GOLDEN / store.name, store)
        assert pq.read_schema(golden).metadata[KEY] == str(version).encode()
        found = rnnbench.read_records(golden)
        assert found
        assert found == rnnbench.read_records(store)


def test_a_newer_version_is_refused_in_one_line(path: Path) -> None:
    write_archive([record()], path)
    table = pq.read_table(path)
    newer = table.replace_schema_metadata({KEY: str(SCHEMA_VERSION + 1).encode()})
    pq.write_table(newer, path)
    assert "pip install --upgrade rnnbench" in refusal(path)
    for text in (b"0", b"-1", b"x", b"9" * 5000):
        pq.write_table(table.replace_schema_metadata({KEY: text}), path)
        refusal(path)


def _cut_json(rows: list[dict[str, Any]]) -> None:
    rows[1]["result"] = rows[1]["result"][:-5]


def _wrong_value(rows: list[dict[str, Any]]) -> None:
    rows[1]["result"] = rows[1]["result"].replace('"status":"done"', '"status":"great"')


def _unknown_field(rows: list[dict[str, Any]]) -> None:
    rows[1]["spec"] = rows[1]["spec"].replace('"seed":', '"seeed":')


def _missing(rows: list[dict[str, Any]]) -> None:
    rows[1]["spec"] = None


def _other_status(rows: list[dict[str, Any]]) -> None:
    rows[1]["status"] = "failed"


def _other_trial(rows: list[dict[str, Any]]) -> None:
    rows[1]["seed"] = 9


@pytest.mark.parametrize(
    "change", [_cut_json, _wrong_value, _unknown_field, _missing, _other_status, _other_trial]
)
def test_a_damaged_row_is_named(path: Path, change: Any) -> None:
    write_archive([record(seed=seed) for seed in range(3)], path)
    rewritten(path, change)
    assert "row 2" in refusal(path)


def test_a_damaged_row_of_an_earlier_version_is_named(path: Path) -> None:
    shutil.copy(GOLDEN / f"records-v{OLDEST_VERSION}.parquet", path)
    rewritten(path, _cut_json)
    assert "row 2" in refusal(path)


def test_every_cut_and_flipped_byte_is_an_error_or_harmless(path: Path) -> None:
    made = [record(seed=seed) for seed in range(2)]
    write_archive(made, path)
    content = path.read_bytes()
    for length in range(4, len(content), max(1, len(content) // 25)):
        path.write_bytes(content[:length])
        assert is_archive(path)
        refusal(path)
    harmless = 0
    for place in range(4, len(content) - 4, max(1, len(content) // 60)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x20]) + content[place + 1 :])
        try:
            assert by_id(read_archive(path)) == by_id(made)
            harmless += 1
        except StoreError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is allowed
    # statistics and names in the footer are not needed
    assert harmless < 30


def test_other_files_are_refused(tmp_path: Path, path: Path) -> None:
    rnnbench.results(study(seeds=1)).to_parquet(path)
    assert "rnnbench export --records" in refusal(path)
    schema = pa.schema([("trial_id", pa.string())], metadata={KEY: str(SCHEMA_VERSION)})
    pq.write_table(pa.table({"trial_id": ["a"]}, schema=schema), path)
    assert "no column" in refusal(path)
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path / "absent.parquet", tmp_path, tmp_path / "pipe"):
        assert not is_archive(other)
        with pytest.raises(StoreError):
            rnnbench.read_records(other)
    with pytest.raises(OutputError, match="cannot write"):
        write_archive([record()], tmp_path / "absent" / "records.parquet")


def test_a_store_is_told_by_its_content(tmp_path: Path) -> None:
    store, records = tmp_path / "store.parquet", tmp_path / "records.db"
    with Store(store) as opened:
        made = record(ratio=None)
        opened.add(made.spec, made.result, started_at=made.started_at, seconds=made.seconds)
    rnnbench.write_records(store, records)
    assert rnnbench.read_records(records) == rnnbench.read_records(store)


def test_compact_records_give_the_same_table_of_results(path: Path) -> None:
    made = study(seeds=2)
    for each in made[:1]:
        assert each.result.plots or each.result.gradient
    rnnbench.write_records(made, path)
    whole = path.stat().st_size
    rnnbench.write_records(made, path, compact=True)
    assert path.stat().st_size < whole
    found = {each.trial_id: each for each in rnnbench.read_records(path)}
    assert rnnbench.results([found[each.trial_id] for each in made]).equals(rnnbench.results(made))
    one = compacted(made[0]).result
    assert one.plots == ()
    assert one.learning is not None
    whole_curve = made[0].result.learning
    assert whole_curve is not None
    for short, exact in zip(one.learning.curve, whole_curve.curve, strict=True):
        assert short.step == exact.step
        assert short.train_loss == pytest.approx(exact.train_loss, rel=5e-4)
