"""Studies of a request: their identity, their tries, and requests that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.contract import registry as plugins
from rnnbench.contract.registry import Registry
from rnnbench.errors import UsageError
from rnnbench.plan.planning import TUNING_SEED, Request, make_plan
from rnnbench.plan.tuning import StudyPlan, plan_studies
from rnnbench.records.spec import TrialSpec

RATES = "learning_rate=1e-4..1e-2"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return plugins.load()


def request(*models: str, tune: tuple[str, ...] = (RATES,), **asked: Any) -> Request:
    return Request(["copy-memory"], models or ("lstm", "gru"), tune=tune, **{"seeds": 2, **asked})


def studied(registry: Registry, asked: Request) -> list[StudyPlan]:
    return plan_studies(asked, make_plan(asked, registry), registry)


def refusal(registry: Registry, asked: Request) -> str:
    with pytest.raises(UsageError) as caught:
        studied(registry, asked)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_nothing_is_tuned_unless_asked_for(registry: Registry) -> None:
    assert studied(registry, request(tune=())) == []


def test_every_model_on_every_task_has_a_study_of_all_its_seeds(registry: Registry) -> None:
    asked = Request(["copy-memory", "adding"], ["lstm", "gru", "rnn"], seeds=[3, 5], tune=[RATES])
    found = studied(registry, asked)
    planned = make_plan(asked, registry)
    assert len({study.study_id for study in found}) == len(found) == 6
    assert {study.tries for study in found} == {10}
    reported = [spec for study in found for spec in study.reported]
    assert {spec.trial_id for spec in reported} == {spec.trial_id for spec in planned}
    for study in found:
        assert [spec.seed for spec in study.reported] == [3, 5]
        assert study.base.seed == TUNING_SEED
        assert study.base.config_id == study.reported[0].config_id


def test_more_tries_are_the_same_study_and_anything_else_is_another(registry: Registry) -> None:
    (base,) = studied(registry, request("lstm"))
    (more,) = studied(registry, request("lstm", tune_trials=30, seeds=[7]))
    assert more.study_id == base.study_id
    others = [
        request("gru"),
        request("lstm[num_layers=2]"),
        request("lstm", hidden_size=12),
        request("lstm", settings={"steps": 77}),
        request("lstm", tune=("learning_rate=1e-4..2e-2",)),
        request("lstm", tune=(RATES + ":linear",)),
        request("lstm", tune=(RATES, "optimizer=adam|sgd")),
        request("lstm", tune_sampler="tpe"),
        request("lstm", tune_pruner="median"),
        Request(["adding"], ["lstm"], seeds=2, tune=[RATES]),
    ]
    found = {study.study_id for asked in others for study in studied(registry, asked)}
    assert len(found) == len(others)
    assert base.study_id not in found


def test_a_try_is_its_values_in_the_default_recipe(registry: Registry) -> None:
    asked = request("lstm[dropout=0.1]", tune=(RATES, "num_layers=1|2", "hidden_size=4..64"))
    (study,) = studied(registry, asked)
    values = {"learning_rate": 0.002, "num_layers": 2, "hidden_size": 17}
    tried = study.attempt(3, values)
    assert tried.tuning is not None
    assert (tried.tuning.study, tried.tuning.number) == (study.study_id, 3)
    assert tried.tuning.default_id == study.reported[0].config_id
    assert tried.seed == TUNING_SEED
    # the chosen recipe is what a user gets who types it
    typed = make_plan(
        Request(
            ["copy-memory"],
            ["lstm[dropout=0.1,num_layers=2,hidden_size=17]"],
            seeds=2,
            settings={"learning_rate": 0.002},
        ),
        registry,
    )
    assert study.chosen(tried) == typed
    assert tried.recipe_id == typed[0].config_id
    assert TrialSpec.model_validate_json(tried.model_dump_json()) == tried


def test_an_option_at_its_default_is_not_shown(registry: Registry) -> None:
    (study,) = studied(registry, request("lstm", tune=("num_layers=1|2",)))
    assert study.attempt(0, {"num_layers": 2}).model.label == "lstm[num_layers=2]"
    assert study.chosen(study.attempt(0, {"num_layers": 1})) == list(study.reported)


def test_one_way_of_clipping_replaces_the_other(registry: Registry) -> None:
    (study,) = studied(registry, request("lstm", tune=("clip_value=0.1..1",)))
    settings = study.attempt(0, {"clip_value": 0.5}).settings
    assert (settings.clip_norm, settings.clip_value) == (None, 0.5)


def test_a_grid_has_its_points_as_tries(registry: Registry) -> None:
    tune = ("optimizer=adam|sgd|rmsprop", "num_layers=1|2")
    (whole,) = studied(registry, request("lstm", tune=tune, tune_sampler="grid"))
    (part,) = studied(registry, request("lstm", tune=tune, tune_sampler="grid", tune_trials=4))
    (many,) = studied(registry, request("lstm", tune=tune, tune_sampler="grid", tune_trials=40))
    assert (whole.tries, part.tries, many.tries) == (6, 4, 6)
    assert whole.study_id == part.study_id


@pytest.mark.parametrize(
    ("asked", "token"),
    [
        (request(tune=(), tune_trials=3), "--tune-trials 3"),
        (request(tune=(), tune_sampler="tpe"), "--tune-sampler tpe"),
        (request(tune=(), tune_pruner="median"), "--tune-pruner median"),
        (request(tune_trials=0), "tune_trials=0"),
        (request(tune_trials=10**9), "--tune-trials"),
        (request(tune_sampler="tpa"), "'tpe'"),
        (request(tune_pruner="medan"), "'median'"),
        (request(tune_report="tune"), "'tuned'"),
        (request(tune_sampler="grid"), "learning_rate=0.0001|0.01"),
        (request(settings={"learning_rate": 0.1}), "learning_rate=0.1 is given too"),
        (request(settings={"clip_value": 1.0}, tune=("clip_norm=1|5",)), "clip_value=1"),
        (request(settings={"clip_norm": "1"}, tune=("clip_value=1..5",)), "clip_norm=1"),
        (request(hidden_size=8, tune=("hidden_size=4..64",)), "hidden_size=8 is given too"),
        (request("lstm[num_layers=2]", "gru", tune=("num_layers=1|2",)), "'lstm' sets it too"),
        (request(tune=("steps=10..100",)), "budget"),
        (request("lstm", "rnn", tune=("forget_bias=1|3",)), "model 'rnn'"),
    ],
)
def test_a_wrong_request_is_refused_with_the_word_to_type(
    registry: Registry, asked: Request, token: str
) -> None:
    assert token in refusal(registry, asked)


@pytest.mark.parametrize("name", ["hidden_size=4..64", "num_layers=1|2", "embedding_size=2|4"])
def test_what_changes_matched_sizes_is_not_tuned(registry: Registry, name: str) -> None:
    asked = request("lstm", tune=(name,), match="params=20k")
    assert "--match" in refusal(registry, asked)
    assert len(studied(registry, request("lstm", tune=(name,), match="none"))) == 1


def test_the_seed_of_tuning_is_never_reported(registry: Registry) -> None:
    with pytest.raises(UsageError, match="never reported"):
        make_plan(Request(["adding"], ["lstm"], seeds=[0, TUNING_SEED]), registry)
