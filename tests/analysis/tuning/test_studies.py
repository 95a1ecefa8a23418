"""Studies from records: order, the best try, and the configurations that it names."""

from __future__ import annotations

import math
import random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis.tuning.studies import studies, try_of
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from tests.support.factory import record, trial_spec
from tests.support.tries import RATES, try_record

DIRECTIONS: tuple[Literal["higher", "lower"], ...] = ("higher", "lower")


def test_reported_records_are_in_no_study() -> None:
    assert studies([record(), record(0.5)]) == []
    (study,) = studies([record(), try_record(0, 0.5)])
    assert [try_of(each).number for each in study.tries] == [0]


@given(order=st.permutations(range(6)))
def test_tries_are_in_the_order_of_their_numbers(order: list[int]) -> None:
    (study,) = studies([try_record(number, 0.1 * number) for number in order])
    assert [try_of(each).number for each in study.tries] == list(range(6))


def test_models_have_studies_of_their_own() -> None:
    records = [
        try_record(number, 0.5, study=model, model=model)
        for number in range(2)
        for model in ("gru", "lstm")
    ]
    found = studies(records)
    assert [(study.study_id, study.model.name) for study in found] == [
        ("gru", "gru"),
        ("lstm", "lstm"),
    ]


@given(
    scores=st.lists(
        st.one_of(st.none(), st.floats(allow_nan=True, width=16)), min_size=1, max_size=8
    ),
    direction=st.sampled_from(DIRECTIONS),
)
def test_the_best_try_is_the_best_finite_score(
    scores: list[float | None], direction: Literal["higher", "lower"]
) -> None:
    (study,) = studies([try_record(n, s, direction=direction) for n, s in enumerate(scores)])
    finite = {n: s for n, s in enumerate(scores) if s is not None and math.isfinite(s)}
    best = (max if direction == "higher" else min)(finite.values(), default=None)
    if best is None:
        assert study.best is None
        assert study.tuned_config_id is None
    else:
        assert study.best is not None
        assert try_of(study.best).number == min(n for n, s in finite.items() if s == best)
        assert study.direction == direction
    assert study.validated.keys() == finite.keys()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_equal_scores_are_decided_by_the_loss_then_by_the_number(
    direction: Literal["higher", "lower"],
) -> None:
    losses = [0.5, 0.3, math.inf, 0.3]
    tries = [try_record(n, 0.9, loss=loss, direction=direction) for n, loss in enumerate(losses)]
    random.Random(0).shuffle(tries)
    (study,) = studies(tries)
    assert study.best is not None
    assert try_of(study.best).number == 1


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.DONE])
def test_a_try_that_did_not_end_is_not_chosen(status: Status) -> None:
    (study,) = studies([try_record(0, 0.2), try_record(1, 0.9, status=status)])
    assert study.best is not None
    assert try_of(study.best).number == 0
    assert study.statuses == {Status.DONE: 1, status: 1}


def test_the_last_attempt_counts() -> None:
    attempts = [try_record(0, None, status=Status.FAILED), try_record(0, 0.4, attempt=2)]
    (study,) = studies(attempts)
    assert [each.attempt for each in study.tries] == [2]
    assert study.best is not None


def test_the_configurations_are_those_of_reported_trials() -> None:
    settings = Settings(learning_rate=3e-3)
    (study,) = studies(
        [
            try_record(0, 0.2, settings=settings, values={"learning_rate": 0.001}),
            try_record(1, 0.4, settings=settings, values={"learning_rate": 0.01}),
        ]
    )
    reported: dict[float, set[str]] = {
        rate: {
            trial_spec(seed=seed, settings=Settings(learning_rate=rate)).config_id
            for seed in range(3)
        }
        for rate in (3e-3, 0.01)
    }
    assert reported == {3e-3: {study.default_config_id}, 0.01: {study.tuned_config_id}}


def test_the_default_values_chosen_are_the_default_configuration() -> None:
    (study,) = studies([try_record(0, 0.2, values={"learning_rate": Settings().learning_rate})])
    assert study.tuned_config_id == study.default_config_id


def test_what_a_study_is_of() -> None:
    (study,) = studies([try_record(0, 0.2, asked=6), try_record(1, 0.3, asked=10)])
    assert (study.asked, study.space, study.sampler, study.pruner) == (10, RATES, "random", "none")
    assert study.score_name == "accuracy"


def test_a_reported_record_is_no_try() -> None:
    with pytest.raises(ValueError, match="no try"):
        try_of(record())


def test_records_survive_the_store() -> None:
    kept = try_record(3, 0.25)
    assert Record.model_validate_json(kept.model_dump_json()) == kept
