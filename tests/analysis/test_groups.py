"""Groups of records: a task is a definition and its data."""

from __future__ import annotations

from rnnbench.analysis.comparison import compare
from rnnbench.analysis.groups import group
from rnnbench.records.result import Record, Status
from tests.support.factory import record


def read(
    checksum: str | None, *, seed: int = 0, model: str = "lstm", status: Status = Status.DONE
) -> Record:
    """A trial on data with this checksum, which no option names."""
    made = record(seed=seed, model=model, status=status)
    found = {} if checksum is None else {"hf": checksum}
    return made.model_copy(
        update={"result": made.result.model_copy(update={"data_checksums": found})}
    )


def test_data_of_other_content_are_another_task() -> None:
    groups = group([read("a" * 64), read("b" * 64, model="gru")])
    assert [len(each.configurations) for each in groups] == [1, 1]
    assert len({each.label for each in groups}) == 2
    assert {each.data_checksums["hf"] for each in groups} == {"a" * 64, "b" * 64}


def test_the_same_content_is_the_same_task() -> None:
    (only,) = group([read("a" * 64), read("a" * 64, model="gru")])
    assert len(only.configurations) == 2


def test_a_trial_that_failed_before_it_read_any_is_of_the_same_task() -> None:
    (only,) = group([read(None, model="rnn", status=Status.CRASHED), read("a" * 64)])
    assert len(only.configurations) == 2
    assert "data" not in only.label


def test_tasks_are_in_the_order_of_their_numbers() -> None:
    records = [record(task_options={"delay": delay}) for delay in (100, 20, 5)]
    assert [each.spec.options["delay"] for each in group(records)] == [5, 20, 100]


def test_two_stores_are_compared_on_equal_data_alone() -> None:
    before = [read("a" * 64, seed=seed) for seed in range(3)]
    same = compare(before, before, "old.db", "new.db")
    assert len(same.pairings) == 1
    other = [read("b" * 64, seed=seed) for seed in range(3)]
    shared = [record(seed=seed, task="adding") for seed in range(3)]
    changed = compare([*before, *shared], [*other, *shared], "old.db", "new.db")
    assert [pairing.name.split(",")[0] for pairing in changed.pairings] == ["adding"]
    assert len(changed.notes) == 2
