"""Default and tuned recipes side by side: labels, paired differences, and verdicts that change."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.analysis.judged import JudgedTask
from rnnbench.analysis.statistics.expected_best import ExpectedBest
from rnnbench.analysis.statistics.intervals import mean_interval
from rnnbench.analysis.tuning.importance import importances
from rnnbench.analysis.tuning.recipes import (
    TunedModel,
    expected_best_of,
    how_chosen,
    tuned_configurations,
    tuned_models,
    verdict_changes,
    without_superseded,
)
from rnnbench.analysis.tuning.studies import studies
from rnnbench.analysis.verdicts import Family, Trials
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from rnnbench.records.space import Axis
from rnnbench.records.syntax import OptionValue
from tests.support.factory import record
from tests.support.tries import try_record

CHOSEN = {"gru": 0.003, "lstm": 0.007}
SPREAD = (0.0, 0.01, -0.01, 0.02, -0.02)


def tried(model: str, best: float | None = None, **options: object) -> list[Record]:
    """Ten tries, of which the one with the chosen rate is the best."""
    rate = CHOSEN[model] if best is None else best
    rates = [1e-4 * 1.3**number for number in range(9)] + [rate]
    return [
        try_record(
            number,
            0.9 if value == rate else 0.3 + 0.01 * number,
            values={"learning_rate": value},
            model=model,
            study=model,
            **options,  # type: ignore[arg-type]
        )
        for number, value in enumerate(rates)
    ]


def reported(model: str, default: float, tuned: float | None, seeds: int = 5) -> list[Record]:
    recipes = {None: default, CHOSEN[model]: tuned}
    return [
        record(score + SPREAD[seed], model=model, seed=seed, settings=settings)
        for rate, score in recipes.items()
        if score is not None
        for settings in [Settings() if rate is None else Settings(learning_rate=rate)]
        for seed in range(seeds)
    ]


def found(records: list[Record], tries: list[Record]) -> tuple[TaskGroup, list[TunedModel]]:
    known = studies(tries)
    (task,) = group(records, tuned_configurations(known))
    return task, tuned_models(task, known)


def test_labels_say_which_configuration_was_tuned() -> None:
    records = [*reported("gru", 0.5, 0.9), *reported("lstm", 0.4, 0.8)]
    task, models = found(records, [*tried("gru"), *tried("lstm")])
    assert {c.label: c.recipe for c in task.configurations} == {
        "gru": "untuned",
        "gru (tuned)": "tuned",
        "lstm": "untuned",
        "lstm (tuned)": "tuned",
    }
    assert [(each.label, dict(each.values), each.best_score) for each in models] == [
        ("gru", {"learning_rate": 0.003}, 0.9),
        ("lstm", {"learning_rate": 0.007}, 0.9),
    ]
    assert "10 tries of random search over learning_rate in [0.0001, 0.01]" in how_chosen(models)


def test_a_recipe_that_fewer_tries_had_chosen_is_no_default_recipe() -> None:
    rates = {0: 0.3, 1: 0.002, 2: 0.003}
    axis = Axis(name="learning_rate", low=1e-4, high=1.0, log=True)
    tries = [
        try_record(n, 0.5 + 0.1 * n, values={"learning_rate": rate}, model="gru", space=(axis,))
        for n, rate in rates.items()
    ]
    records = [
        record(0.5, model="gru", settings=Settings(learning_rate=rate))
        for rate in (Settings().learning_rate, 0.3, 0.003, 0.7)
    ]
    kept = without_superseded(records, studies(tries))
    # The rate 0.7 was never a try of the study.
    assert [r.spec.settings.learning_rate for r in kept] == [Settings().learning_rate, 0.003, 0.7]
    fewer = without_superseded(records, studies(tries[:1]))
    assert 0.3 in [r.spec.settings.learning_rate for r in fewer]
    assert without_superseded(records, []) == records


def test_the_difference_is_paired_by_seed() -> None:
    records = reported("gru", 0.5, None)
    records += [
        record(0.6 + SPREAD[seed] + 0.001 * seed, model="gru", seed=seed,
               settings=Settings(learning_rate=0.003))
        for seed in range(1, 5)
    ]  # fmt: skip
    _, (only,) = found(records, tried("gru"))
    paired = mean_interval([0.1 + 0.001 * seed for seed in range(1, 5)])
    assert only.difference is not None
    assert only.difference.value == pytest.approx(paired.value)
    assert only.difference.low == pytest.approx(paired.low)
    assert only.difference.n == 4
    assert only.difference.high is not None
    assert only.difference.high - only.difference.value < 0.1 * np.ptp(SPREAD)


def test_a_default_recipe_that_was_the_best_try_is_both() -> None:
    task, (only,) = found(reported("gru", 0.5, None), tried("gru", best=Settings().learning_rate))
    assert [c.recipe for c in task.configurations] == ["both"]
    assert task.configurations[0].label == "gru"
    assert only.no_better
    judged = JudgedTask(task)
    assert [field.tuned for field in judged.fields] == [False, True]


def test_default_and_tuned_recipes_are_never_compared_and_share_the_error_rate() -> None:
    records = [*reported("gru", 0.5, 0.62), *reported("lstm", 0.48, 0.6)]
    task, _ = found(records, [*tried("gru"), *tried("lstm")])
    judged = JudgedTask(task)
    default, tuned = judged.fields
    assert [c.label for c in default.configurations] == ["gru", "lstm"]
    assert [c.label for c in tuned.configurations] == ["gru (tuned)", "lstm (tuned)"]
    members = {c.label: Trials.of(c) for c in default.configurations}
    alone = Family(members, 1, judged.margin).p_value("gru", "lstm")
    shared = default.verdict(*default.configurations).p_value
    assert alone is not None
    assert shared is not None
    assert shared >= 1 - (1 - alone) ** 2 - 0.02
    assert shared > alone


def test_a_task_without_tuning_is_judged_as_before() -> None:
    (task,) = group([*reported("gru", 0.5, None), *reported("lstm", 0.48, None)])
    (field,) = JudgedTask(task).fields
    members = {c.label: Trials.of(c) for c in field.configurations}
    alone = Family(members, 1, field.family.margin).verdict("gru", "lstm")
    assert field.verdict(*field.configurations) == alone


@pytest.mark.parametrize(
    ("gru", "lstm", "changed"),
    [
        ((0.5, 0.8), (0.3, 0.6), []),
        ((0.5, 0.6), (0.3, 0.8), [("better", "worse")]),
        ((0.4, 0.8), (0.4, 0.5), [("undecided", "better")]),
    ],
)
def test_verdicts_that_change_are_counted(
    gru: tuple[float, float], lstm: tuple[float, float], changed: list[tuple[str, str]]
) -> None:
    records = [*reported("gru", *gru), *reported("lstm", *lstm)]
    task, models = found(records, [*tried("gru"), *tried("lstm")])
    models.sort(key=lambda each: each.label, reverse=True)  # gru is judged against lstm
    changes = verdict_changes(JudgedTask(task), models)
    assert changes.pairs == 1
    assert [(each.default, each.tuned) for each in changes.changed] == changed
    assert all((each.a, each.b) == ("lstm", "gru") for each in changes.changed)


def test_pairs_with_too_few_seeds_are_counted_apart() -> None:
    records = [*reported("gru", 0.5, 0.8, seeds=3), *reported("lstm", 0.3, 0.6, seeds=3)]
    task, models = found(records, [*tried("gru"), *tried("lstm")])
    changes = verdict_changes(JudgedTask(task), models)
    assert (changes.pairs, changes.too_few_seeds, changes.changed) == (0, 1, ())


def test_a_failed_try_counts_as_the_worst_in_the_expected_best() -> None:
    tries = tried("gru")
    tries[0] = try_record(
        0, None, values={"learning_rate": 1e-4}, model="gru", study="gru", status=Status.DIVERGED
    )
    task, (only,) = found(reported("gru", 0.5, 0.8), tries)
    curve = expected_best_of(only.study, task)
    assert isinstance(curve, ExpectedBest)
    known = [v.best_score for v in only.study.validated.values()]
    assert curve.values[0] == pytest.approx(np.mean([*known, 0.125]))
    assert len(curve.tries) == 10


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_only_random_search_has_an_expected_best(sampler: str) -> None:
    task, (only,) = found(reported("gru", 0.5, 0.8), tried("gru", sampler=sampler))
    assert "not drawn independently" in str(expected_best_of(only.study, task))


def test_pruned_tries_leave_no_expected_best() -> None:
    tries = tried("gru")
    tries[3] = try_record(3, 0.2, model="gru", study="gru", status=Status.PRUNED)
    task, (only,) = found(reported("gru", 0.5, 0.8), tries)
    assert "pruner" in str(expected_best_of(only.study, task))


def test_the_setting_that_decides_the_score_is_the_important_one() -> None:
    rng = np.random.default_rng(0)
    space = [
        Axis(name="learning_rate", low=1e-4, high=1e-2, log=True),
        Axis(name="optimizer", choices=("adam", "sgd")),
    ]
    tries = []
    for number in range(30):
        rate, optimizer = float(10 ** rng.uniform(-4, -2)), ("adam", "sgd")[int(rng.integers(2))]
        values: dict[str, OptionValue] = {"learning_rate": rate, "optimizer": optimizer}
        score = 0.4 + 0.2 * np.log10(rate / 1e-4)
        tries.append(try_record(number, float(score), values=values, space=space, asked=30))
    (study,) = studies(tries)
    shares = importances(study)
    assert isinstance(shares, dict)
    assert list(shares) == ["learning_rate", "optimizer"]
    assert shares["learning_rate"] > 0.95
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("count", "single", "scores", "reason"),
    [
        (12, True, None, "single setting"),
        (9, False, None, "needed"),
        (12, False, 0.5, "the same score"),
    ],
)
def test_a_missing_importance_has_a_reason(
    count: int, single: bool, scores: float | None, reason: str
) -> None:
    space = [Axis(name="learning_rate", low=1e-4, high=1e-1, log=True)]
    if not single:
        space.append(Axis(name="weight_decay", low=0.0, high=0.1))
    tries = [
        try_record(
            number,
            0.01 * number if scores is None else scores,
            values={axis.name: 0.001 * (number + 1) for axis in space},
            space=space,
        )
        for number in range(count)
    ]
    (study,) = studies(tries)
    assert reason in str(importances(study))
