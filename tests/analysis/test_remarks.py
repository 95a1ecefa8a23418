"""Remarks on scores: made where they apply, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.analysis import remarks
from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.records.result import DataSize, Status
from tests.support.factory import ENVIRONMENT, learning, record, study

OTHER = ENVIRONMENT.model_copy(update={"instruction_set": "AVX2"})


def task_of(*records: Any) -> TaskGroup:
    (task,) = group(records)
    return task


def test_an_ordinary_table_has_no_remarks() -> None:
    task = task_of(*study(tasks=("copy-memory",)))
    assert remarks.still_improving(task) is None
    assert remarks.mixed_processors(task) is None
    assert remarks.seen_in_training(task) is None
    assert {remarks.score_mark(each) for each in task.configurations} == {""}


@pytest.mark.parametrize(("improving", "marked"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_score_is_marked_when_half_of_its_trials_still_improve(
    improving: int, marked: bool
) -> None:
    task = task_of(
        *(
            record(seed=seed, learned=learning(still_improving=seed < improving))
            for seed in range(4)
        ),
        record(seed=5, status=Status.DIVERGED),
    )
    (configuration,) = task.configurations
    assert (remarks.score_mark(configuration) == " ↗") is marked
    assert (remarks.still_improving(task) is not None) is marked


def test_too_few_validations_are_no_improvement() -> None:
    assert (
        not task_of(record(learned=learning(still_improving=None)))
        .configurations[0]
        .still_improving
    )


@pytest.mark.parametrize(
    "change",
    [{"instruction_set": "AVX2"}, {"processor_model": "other"}, {"device": "NVIDIA H100"}],
)
def test_processors_are_named_where_they_differ(change: dict[str, str]) -> None:
    other = ENVIRONMENT.model_copy(update=change)
    task = task_of(record(model="lstm"), record(model="gru", environment=other))
    text = remarks.mixed_processors(task)
    assert text is not None
    assert f"gru on {other.trained_on}" in text
    assert f"lstm on {ENVIRONMENT.trained_on}" in text
    assert "as much as with another seed" in text


def test_trials_without_a_score_and_other_memory_make_no_mixture() -> None:
    larger = ENVIRONMENT.model_copy(update={"memory_bytes": 1, "cores": 64, "platform": "other"})
    task = task_of(
        record(),
        record(seed=1, environment=larger),
        record(seed=2, status=Status.CRASHED, environment=OTHER),
    )
    assert remarks.mixed_processors(task) is None


def test_seeds_of_one_configuration_may_be_of_two_processors() -> None:
    task = task_of(record(), record(seed=1, environment=OTHER))
    text = remarks.mixed_processors(task)
    assert text is not None
    assert text.count("lstm on ") == 2


@pytest.mark.parametrize(("seen", "said"), [(0.0, None), (0.009, None), (0.85, "85 %")])
def test_sequences_seen_in_training_are_remarked_above_one_percent(
    seen: float, said: str | None
) -> None:
    size = DataSize(train=None, validation=500, test=2000, bytes=1, seen_in_training=seen)
    task = task_of(record(), record(seed=1, data_size=size))
    text = remarks.seen_in_training(task)
    assert text is None if said is None else text is not None and text.startswith(said)
