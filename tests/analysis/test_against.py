"""Records of other runs beside those of a run: which are shown, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

import rnnbench
from rnnbench.analysis.against import Others, beside, on_tasks, read_others
from rnnbench.errors import StoreError, UsageError
from rnnbench.records.result import Record
from rnnbench.records.spec import TaskSpec
from rnnbench.report.page.others import others_sentences, others_table
from tests.support.factory import ENVIRONMENT, record, speed
from tests.support.tries import try_record

FILE = Path("records.parquet")
ELSEWHERE = ENVIRONMENT.model_copy(update={"processor": "Other CPU", "torch_version": "3.0"})


def others(*records: Record, tries: tuple[Record, ...] = ()) -> Others:
    return Others(FILE, records, tries)


def task_of(made: Record, **changes: object) -> TaskSpec:
    return made.spec.task.model_copy(update=changes)


def shown(own: list[Record], *files: Others, tries: list[Record] | None = None) -> list[Others]:
    warned: list[str] = []
    found = beside(own, tries or [], files, warned.append)
    assert not warned
    return found


def test_records_on_other_tasks_are_left_out() -> None:
    copy, adding = record(task="copy-memory"), record(task="adding")
    tried = try_record(0, 0.5, task="adding")
    warned: list[str] = []
    found = on_tasks(others(copy, adding, tries=(tried,)), [copy.spec.task], warned.append)
    assert (found.records, found.tries, warned) == ((copy,), (), [])


def test_a_task_of_another_version_or_with_other_options_is_named_with_the_difference() -> None:
    copy, adding = record(task="copy-memory"), record(task="adding", task_options={"length": 50})
    dyck = record(task="dyck-1")
    warned: list[str] = []
    on_tasks(
        others(copy, adding, dyck),
        [
            dyck.spec.task,
            task_of(copy, version=2),
            task_of(adding, options={"length": 100}),
            record(task="parity").spec.task,
        ],
        warned.append,
    )
    assert warned == [
        "no record of records.parquet is on the same task: its copy-memory has version 1, this one "
        "version 2",
        "no record of records.parquet is on the same task: its adding has length 50, this one "
        "length 100",
        "no record of records.parquet is on parity",
    ]


def test_the_most_similar_task_of_a_name_is_compared() -> None:
    far = record(task_options={"delay": 5, "symbols": 3})
    near = record(task_options={"delay": 10, "symbols": 8})
    asked = record(task_options={"delay": 20, "symbols": 8}).spec.task
    with pytest.raises(UsageError, match="its copy-memory has delay 10, this one delay 20"):
        on_tasks(others(far, near), [asked], print)


@pytest.mark.parametrize("records", [(), (record(task="adding"),)])
def test_no_common_task_is_refused(records: tuple[Record, ...]) -> None:
    with pytest.raises(UsageError, match="omit --against"):
        on_tasks(others(*records), [record(task="parity").spec.task], print)


def test_the_own_trial_counts() -> None:
    own, theirs = record(0.9, seed=0), record(0.2, seed=0)
    (found,) = shown([own], others(theirs, record(0.3, seed=1)))
    assert [each.spec.seed for each in found.records] == [1]


def test_of_two_files_the_first_counts() -> None:
    first, second = shown([record(model="gru")], others(record(0.2)), others(record(0.3)))
    assert (len(first.records), len(second.records)) == (1, 0)


def test_speeds_of_another_machine_are_left_out() -> None:
    elsewhere = speed(2.0).model_copy(update={"environment": ELSEWHERE})
    theirs = record(model="gru", environment=ELSEWHERE).model_copy(update={"speed": elsewhere})
    here = record(model="rnn", ratio=3.0)
    (found,) = shown([record()], others(theirs, here))
    assert [each.speed for each in found.records] == [None, here.speed]
    assert found.without_speed == 1
    assert found.records[0].result == theirs.result


def test_a_run_without_results_mixes_no_speeds_either() -> None:
    elsewhere = speed(2.0).model_copy(update={"environment": ELSEWHERE})
    (found,) = shown(
        [],
        others(
            record(model="rnn"),
            record(model="gru", environment=ELSEWHERE).model_copy(update={"speed": elsewhere}),
        ),
    )
    assert [each.speed is not None for each in found.records] == [True, False]


def test_records_on_other_data_are_left_out_with_a_warning() -> None:
    def on(data: str, model: str) -> Record:
        made = record(model=model)
        result = made.result.model_copy(update={"data_checksums": {"hub": data}})
        return made.model_copy(update={"result": result})

    warned: list[str] = []
    (found,) = beside(
        [on("a", "lstm")], [], [others(on("a", "gru"), on("b", "rnn"))], warned.append
    )
    assert [each.spec.model.name for each in found.records] == ["gru"]
    assert warned == [
        "no record of records.parquet is on the same data: its copy-memory read other data"
    ]


def test_a_study_of_the_run_replaces_that_of_the_file() -> None:
    """The recipe that the file's tries chose is neither a default one nor that of the run."""
    own_tries = [try_record(0, 0.9), try_record(1, 0.5)]
    their_tries = (try_record(0, 0.5), try_record(1, 0.9))
    chosen = [
        record(settings=each.spec.settings, seed=1) for each in (own_tries[0], their_tries[1])
    ]
    default, other = record(seed=1), record(model="gru", seed=1)
    (found,) = shown(
        [chosen[0]], others(*chosen, default, other, tries=their_tries), tries=own_tries
    )
    assert {each.trial_id for each in found.records} == {default.trial_id, other.trial_id}
    assert found.tries == ()


def test_files_are_read_with_their_tries(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    rnnbench.write_records([record(), try_record(0, 0.5)], path)
    found = read_others(path)
    assert (len(found.records), len(found.tries)) == (1, 1)
    with pytest.raises(StoreError):
        read_others(tmp_path / "absent.parquet")


def test_the_page_states_where_records_come_from() -> None:
    own = [record(model="my-cell", seed=seed) for seed in range(2)]
    theirs = [record(model=model, environment=ELSEWHERE) for model in ("gru", "rnn")]
    found = shown(own, others(*theirs))
    (line,) = others_sentences([*own, *found[0].records], found)
    assert line.startswith(
        "From records.parquet: 2 trials of 2 models, not run with the 2 trials of this run "
        "(my-cell)."
    )
    assert "another processor or GPU and another torch" in line
    table = others_table(found)
    assert table is not None
    (row,) = table.rows
    assert row.cells[:4] == ("records.parquet", "2", "2", "2026-01-02")
    assert row.cells[4].startswith("Other CPU")
    assert others_table([]) is None
    assert others_sentences(own, []) == []


def test_the_page_says_nothing_of_differences_that_there_are_not() -> None:
    own = [record(model="my-cell")]
    found = shown(own, others(record(model="gru")))
    (line,) = others_sentences([*own, *found[0].records], found)
    assert "another" not in line
