"""The rule that decides whether a published value is reproduced."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.analysis.groups import group
from rnnbench.analysis.published import Comparison, comparisons_with_published
from rnnbench.records.published import RecordedPublished
from rnnbench.records.settings import Settings
from tests.support.factory import learning, record

NARROW = (0.80, 0.801, 0.802)
"""Mean 0.801, 95 % t interval 0.801 +- 0.0025; the tolerance is 0.01 x 0.875."""
WIDE = (0.2, 0.6, 1.0)


def published(value: float = 0.801, **given: Any) -> RecordedPublished:
    return RecordedPublished(
        **{"model": "lstm", "value": value, "citation": "Doe 1999", "where": "table 1", **given}
    )


def compared(
    each: RecordedPublished, scores: tuple[float, ...] = NARROW, **of_learning: Any
) -> Comparison:
    records = [
        record(seed=seed, published=(each,), learned=learning(score, **of_learning))
        for seed, score in enumerate(scores)
    ]
    (task,) = group(records)
    (found,) = comparisons_with_published(task)
    return found


@pytest.mark.parametrize(
    ("value", "scores", "agreement"),
    [
        (0.801, NARROW, "reproduced"),
        (0.811, NARROW, "reproduced"),  # outside of the interval, within the tolerance
        (0.815, NARROW, "worse"),
        (0.785, NARROW, "better"),
        (0.6, WIDE, "undecided"),
        (0.801, (0.801,), "one seed"),
        (0.8, (0.8, 0.8), "reproduced"),
        (0.9, (0.8, 0.8), "worse"),
    ],
)
def test_a_value_is_compared_with_the_widened_interval(
    value: float, scores: tuple[float, ...], agreement: str
) -> None:
    assert compared(published(value), scores).agreement == agreement


def test_the_rounding_of_the_printed_value_widens_the_tolerance() -> None:
    assert compared(published(0.815)).tolerance == pytest.approx(0.00875)
    rounded = compared(published(0.815, rounding=0.005))
    assert rounded.tolerance == pytest.approx(0.01375)
    assert rounded.agreement == "reproduced"


def test_a_lower_error_is_better() -> None:
    error: dict[str, Any] = {
        "direction": "lower",
        "baseline": 1.0,
        "perfect": 0.0,
        "threshold": 0.1,
    }
    assert compared(published(0.9), **error).agreement == "better"
    assert compared(published(0.7), **error).agreement == "worse"


@pytest.mark.parametrize(
    ("bound", "value", "scores", "agreement"),
    [
        ("<", 0.9, NARROW, "bound holds"),
        ("<", 0.7, NARROW, "bound does not hold"),
        ("<", 0.801, NARROW, "undecided"),
        (">", 0.7, NARROW, "bound holds"),
        (">", 0.9, NARROW, "bound does not hold"),
        (">", 0.9, WIDE, "undecided"),
        ("<", 0.9, (0.8,), "one seed"),
    ],
)
def test_a_bound_holds_if_the_interval_is_on_its_side(
    bound: str, value: float, scores: tuple[float, ...], agreement: str
) -> None:
    assert compared(published(value, bound=bound), scores).agreement == agreement


def test_another_score_than_the_tasks_own_is_compared_by_its_value() -> None:
    each = published(0.02, score="nats", direction="lower")
    close = compared(each, extra_scores={"nats": 0.0201})
    assert close.agreement == "reproduced"
    assert close.tolerance == pytest.approx(2e-4)
    assert compared(each, extra_scores={"nats": 0.03}).agreement == "worse"
    assert compared(each, extra_scores={"nats": 0.01}).agreement == "better"
    assert compared(each).agreement == "no trial"


def test_simple_methods_and_the_optimum_need_no_seeds() -> None:
    neighbour = compared(published(0.9, model="1-NN"), (0.5,), simple_scores={"1-NN": 0.9})
    assert (neighbour.agreement, neighbour.configuration) == ("reproduced", None)
    assert compared(published(1.0, model="optimum"), (0.5,)).agreement == "reproduced"
    assert compared(published(0.9, model="optimum"), (0.5,)).agreement == "better"


def test_a_model_without_trials_is_named_without_a_verdict() -> None:
    found = compared(published(model="resnet"))
    assert (found.agreement, found.ours, found.configuration) == ("no trial", None, None)


def test_every_configuration_of_the_model_is_compared() -> None:
    each = published()
    records = [
        record(score=score, seed=seed, hidden_size=size, published=(each,))
        for size, level in ((64, 0.8), (128, 0.9))
        for seed, score in enumerate((level, level + 0.001))
    ]
    (task,) = group(records)
    found = comparisons_with_published(task)
    assert {each.agreement for each in found} == {"reproduced", "better"}


def test_the_best_seed_is_reported_apart_from_the_mean() -> None:
    found = compared(published(0.99), (0.7, 0.75, 0.99))
    assert (found.agreement, found.best, found.best_reaches) == ("undecided", 0.99, True)
    assert not compared(published(0.99)).best_reaches


def test_differences_of_protocol_are_computed_and_declared() -> None:
    each = published(
        parameters=10_000,
        settings={"batch_size": 1, "learning_rate": 1e-3, "hidden_size": 256},
        runs="best of 30",
        chosen_on_test=True,
        differences=("another readout",),
    )
    settings = Settings(batch_size=32, learning_rate=1e-3)
    (task,) = group(
        [
            record(score=s, seed=i, published=(each,), settings=settings, params=20_000)
            for i, s in enumerate(NARROW)
        ]
    )
    (found,) = comparisons_with_published(task)
    ours, *others = found.differences
    assert ours == "20.0 k parameters against about 10.0 k"
    assert others == [
        "batch_size 32 against 1",
        "hidden_size 64 against 256",
        "mean of 3 seeds against best of 30",
        "the source chose on its test data, a trial on validation data",
        "another readout",
    ]


def test_equal_settings_and_sizes_are_no_differences() -> None:
    found = compared(published(settings={"batch_size": 64}, chosen_on_test=False))
    assert found.differences == ()
