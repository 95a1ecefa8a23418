"""Plans: the identity of trials, the precedence of options, and requests that are refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract import registry as plugins
from rnnbench.contract.registry import Registry
from rnnbench.errors import DataError, RnnbenchError, UsageError
from rnnbench.files import file_checksum
from rnnbench.plan.planning import MAX_TRIALS, Request, make_plan
from rnnbench.records.settings import Settings
from rnnbench.records.spec import ModelSpec, Provider, TrialSpec, Try

SERIES = "t,y\n" + "".join(f"{i},{i % 7}\n" for i in range(200))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return plugins.load()


def plan(
    registry: Registry, tasks: str = "copy-memory", models: str = "lstm", **asked: Any
) -> list[TrialSpec]:
    return make_plan(Request([tasks], [models], **{"seeds": 1, **asked}), registry)


def one(
    registry: Registry, tasks: str = "copy-memory", models: str = "lstm", **asked: Any
) -> TrialSpec:
    (spec,) = plan(registry, tasks, models, **asked)
    return spec


def refusal(registry: Registry, *words: str, **asked: Any) -> str:
    with pytest.raises(RnnbenchError) as caught:
        plan(registry, *words, **asked)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()
    return str(caught.value)


# -- identity


def test_the_same_trial_has_the_same_identity_however_it_is_asked_for(registry: Registry) -> None:
    spec = one(
        registry, "copy-memory[delay=7,symbols=3]", "lstm[num_layers=2,dropout=0.1]", hidden_size=16
    )
    for tasks, models, asked in (
        ("copy-memory[symbols=3,delay=7]", "lstm[dropout=0.10,num_layers=2]", {"hidden_size": 16}),
        (
            "copy-memory[symbols=3,delay=7e0]",
            "lstm[dropout=1e-1,hidden_size=16,num_layers=2]",
            {"hidden_size": 99},
        ),
        (
            " copy-memory [ symbols = 3 , delay = 7 ] ",
            "lst?[dropout='0.1',num_layers=2]",
            {"hidden_size": 16},
        ),
        (
            "copy-memory[delay=7,symbols=3]",
            "lstm[num_layers=2,dropout=0.1,init=orthogonal]",
            {"hidden_size": 16},
        ),
    ):
        assert one(registry, tasks, models, **asked).trial_id == spec.trial_id


def test_a_number_is_the_same_setting_in_any_spelling(registry: Registry) -> None:
    spellings = [1, 1.0, "1", "1e0"]
    assert (
        len({one(registry, settings={"learning_rate": value}).trial_id for value in spellings}) == 1
    )
    assert (
        len({one(registry, settings={"steps": value}).trial_id for value in (100, 1e2, "1e2")}) == 1
    )


def test_an_identity_survives_storage(registry: Registry) -> None:
    spec = one(registry, models="lstm[dropout=0.1]")
    assert TrialSpec.model_validate_json(spec.model_dump_json()).trial_id == spec.trial_id


def _bent(spec: TrialSpec) -> Mapping[str, TrialSpec]:
    """Return the trial with each thing that defines it changed, one at a time."""
    provider = Provider(distribution="acme", version="0.1.0")
    other: dict[str, Any] = {
        "steps": 1,
        "batch_size": 1,
        "track_gradients": True,
        "learning_rate": 9.0,
        "optimizer": "sgd",
        "weight_decay": 9.0,
        "clip_norm": None,
        "embedding_size": 9,
        "validate_every": 9,
        "validation_size": 9,
        "test_size": 9,
        "precision": "64",
        "schedule": "cosine",
        "clip_value": 9.0,
        "word_dropout": 0.9,
        "embedding_dropout": 0.9,
        "decoder_dropout": 0.9,
        "tied_embedding": True,
        "embedding_init": "xavier",
        "decoder_init": "zeros",
        "block": "residual",
        "patience": 9,
    }
    # weight_decay_on has no effect, and is not part of the identity, without weight decay
    assert {*other, "weight_decay_on"} == set(Settings.model_fields)

    def bent(part: str, **update: object) -> TrialSpec:
        changed = getattr(spec, part).model_copy(update=update)
        return spec.model_copy(update={part: changed})

    return {
        **{name: bent("settings", **{name: value}) for name, value in other.items()},
        "weight_decay_on": bent("settings", weight_decay=9.0, weight_decay_on="all"),
        "seed": spec.model_copy(update={"seed": 99}),
        "varied": spec.model_copy(update={"varied": "init"}),
        "study": spec.model_copy(update={"tuning": Try(study="a", number=0, values={})}),
        "try": spec.model_copy(update={"tuning": Try(study="a", number=1, values={})}),
        "task": bent("task", name="other"),
        "task version": bent("task", version=99),
        "task plugin": bent("task", provider=provider),
        "task options": bent("task", options={**spec.task.options, "delay": 99}),
        "task source": bent("task", source="sha256:99"),
        "data": bent("task", checksums={"path": "sha256:99"}),
        "model": bent("model", name="other"),
        "model plugin": bent("model", provider=provider),
        "hidden size": bent("model", hidden_size=99),
        "model options": bent("model", options={"num_layers": 9}),
        "model source": bent("model", source="sha256:99"),
        "model data": bent("model", checksums={"path": "sha256:99"}),
    }


def test_everything_that_defines_a_trial_is_in_its_identity(registry: Registry) -> None:
    spec = one(registry)
    bent = _bent(spec)
    identities = {spec.trial_id, *(other.trial_id for other in bent.values())}
    assert len(identities) == len(bent) + 1
    assert {name for name, other in bent.items() if other.config_id == spec.config_id} == {"seed"}


@pytest.mark.parametrize(("distribution", "counts"), [("rnnbench", False), ("acme", True)])
def test_the_version_counts_for_third_parties_and_for_rnnbench_only_without_source(
    registry: Registry, distribution: str, counts: bool
) -> None:
    model = one(registry).model
    assert model.source.startswith("sha256:")
    for source, expected in ((model.source, counts), ("", True)):
        identities = [
            model.model_copy(
                update={
                    "source": source,
                    "provider": Provider(distribution=distribution, version=version),
                }
            ).identity()
            for version in ("0.1.0", "0.1.1")
        ]
        assert (identities[0] != identities[1]) is expected


def test_shown_options_are_no_part_of_the_identity(registry: Registry) -> None:
    spec = one(registry)
    shown = spec.model_copy(
        update={"model": ModelSpec.model_validate({**spec.model.model_dump(), "shown": {"x": 1}})}
    )
    assert shown.trial_id == spec.trial_id


def test_the_content_of_a_data_file_is_identity_and_its_place_is_not(
    registry: Registry, tmp_path: Path
) -> None:
    here, there, changed = tmp_path / "a.csv", tmp_path / "b, [c].csv", tmp_path / "c.csv"
    here.write_text(SERIES, encoding="utf-8")
    there.write_text(SERIES, encoding="utf-8")
    changed.write_text(SERIES + "200,1\n", encoding="utf-8")
    first = one(registry, f"forecasting[path={here},column=y]")
    assert one(registry, f'forecasting[path="{there}",column=y]').trial_id == first.trial_id
    assert one(registry, f"forecasting[path={changed},column=y]").trial_id != first.trial_id
    assert one(registry, f"forecasting[path={here},column=t]").trial_id != first.trial_id
    assert first.task.checksums["path"] == file_checksum(here, "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("absent.csv", "No such file"), (".", "Is a directory"), ("pipe", "not a regular file")],
)
def test_a_data_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=reason):
        file_checksum(tmp_path / name, "task 'x'")


# -- precedence


def test_inline_wins_over_flag_over_preset_over_default(registry: Registry) -> None:
    assert one(registry, "sine-forecasting", settings={}).model.hidden_size > 0
    for preset, expected in (("paper", 40), ("quick", 64)):
        assert one(registry, preset=preset).model.hidden_size == expected
    assert one(registry, preset="paper", hidden_size=8).model.hidden_size == 8
    assert (
        one(registry, models="lstm[hidden_size=5]", preset="paper", hidden_size=8).model.hidden_size
        == 5
    )
    standard, paper = one(registry), one(registry, preset="paper")
    assert standard.settings == one(registry, preset="standard").settings != paper.settings
    assert paper.settings.steps == 20_000
    mixed = one(registry, "copy-memory[delay=3]", preset="paper", settings={"steps": 5})
    assert (mixed.settings.steps, mixed.settings.batch_size) == (5, paper.settings.batch_size)
    assert (mixed.task.options["delay"], mixed.task.options["symbols"]) == (
        3,
        paper.task.options["symbols"],
    )


def test_a_setting_can_be_switched_off(registry: Registry) -> None:
    assert one(registry).settings.clip_norm == 1.0
    assert one(registry, settings={"clip_norm": None}).settings.clip_norm is None
    # the paper clips each value, which a norm that is given replaces
    assert one(registry, preset="paper").settings.clip_value == 1.0
    assert one(registry, preset="paper", settings={"clip_norm": 2}).settings.clip_value is None


def test_only_what_differs_from_a_default_is_shown(registry: Registry) -> None:
    spec = one(registry, models="lstm[num_layers=1,dropout=0.5,hidden_size=8]")
    assert spec.model.shown == {"dropout": 0.5}
    assert spec.model.label == "lstm[dropout=0.5]"


# -- grids


def test_a_plan_is_every_combination_seed_by_seed(registry: Registry) -> None:
    specs = plan(
        registry,
        "copy-memory[delay=3,5],sine-forecasting",
        "lstm[hidden_size=4,8],gru",
        seeds=[7, 2],
    )
    assert len(specs) == len({spec.trial_id for spec in specs}) == 3 * 3 * 2
    assert [spec.seed for spec in specs] == [7] * 9 + [2] * 9
    assert [spec.config_id for spec in specs[:9]] == [spec.config_id for spec in specs[9:]]


def test_duplicates_collapse(registry: Registry) -> None:
    assert len(plan(registry, "copy-memory,copy-*", "lstm,lstm[dropout=0],lst*", seeds=[1, 1])) == 1


def test_globs_and_all_name_every_model(registry: Registry) -> None:
    assert {spec.model.name for spec in plan(registry, models="all")} == set(registry.models)
    ending = {name for name in registry.models if name.endswith("lstm")}
    assert {"lstm", "bilstm", "attention-lstm"} <= ending
    assert {spec.model.name for spec in plan(registry, models="*lstm")} == ending


@pytest.mark.parametrize(
    ("asked", "seeds"),
    [(3, [0, 1, 2]), ([5, 0], [5, 0]), (np.int64(2), [0, 1]), (np.array([4, 4, 1]), [4, 1])],
)
def test_seeds_are_a_count_or_a_list(registry: Registry, asked: Any, seeds: list[int]) -> None:
    assert [spec.seed for spec in plan(registry, seeds=asked)] == seeds


@pytest.mark.parametrize(("preset", "seeds"), [("quick", 5), (None, 10), ("standard", 10)])
def test_the_number_of_seeds_depends_on_the_preset(
    registry: Registry, preset: str | None, seeds: int
) -> None:
    assert [spec.seed for spec in plan(registry, seeds=None, preset=preset)] == [*range(seeds)]


# -- refusals


@pytest.mark.parametrize(
    ("asked", "token"),
    [
        ({"tasks": "copy-memoy"}, "'copy-memory'"),
        ({"models": "lstn"}, "'lstm'"),
        ({"models": "x*"}, "rnnbench list models"),
        ({"tasks": "copy-memory[dely=3]"}, "'delay'"),
        ({"tasks": "copy-memory[delay=0]"}, "delay=0"),
        ({"tasks": "copy-memory[delay=x]"}, "delay=x"),
        ({"tasks": "forecasting[path=/nowhere/x.csv]"}, "/nowhere/x.csv"),
        ({"models": "lstm[hiden_size=3]"}, "'hidden_size'"),
        ({"models": "lstm[hidden_size=]"}, "hidden_size="),
        ({"models": "lstm[hidden_size=0]"}, "hidden_size=0"),
        ({"models": "lstm[hidden_size=000000000019999999]"}, "65536"),
        ({"models": "lstm[dropout=2.0]"}, "dropout=2.0: it should be less than 1"),
        ({"hidden_size": 0}, "hidden_size=0"),
        ({"hidden_size": True}, "hidden_size=true"),
        ({"hidden_size": 1.5}, "hidden_size=1.5"),
        ({"seeds": 0}, "--seeds"),
        ({"seeds": []}, "--seeds"),
        ({"seeds": -1}, "--seeds"),
        ({"seeds": [-1]}, "0 .. 2147483647"),
        ({"seeds": [2**31]}, "0 .. 2147483647"),
        ({"seeds": "05"}, "seeds=05"),
        ({"seeds": 1.5}, "seeds=1.5"),
        ({"seeds": [1.5]}, "seeds=[1.5]"),
        ({"seeds": 10**12}, "1,000,000,000,000 trials"),
        (
            {"models": f"lstm[hidden_size={','.join(map(str, range(1, 2000)))}]", "seeds": 1000},
            "1,999,000 trials",
        ),
        ({"preset": "quik"}, "'quick'"),
        ({"preset": ""}, "quick, standard, paper"),
        ({"settings": {"stepz": 1}}, "'steps'"),
        ({"settings": {"a\nb": 1}}, "no option"),
        ({"settings": {"steps": 0}}, "steps=0"),
        ({"settings": {"steps": True}}, "steps=true"),
        ({"settings": {"steps": [1]}}, "steps=[1]"),
        ({"settings": {"steps": None}}, "steps=none"),
        ({"settings": {"clip_norm": float("inf")}}, "clip_norm=inf"),
        ({"settings": {"learning_rate": float("nan")}}, "learning_rate=nan"),
        ({"settings": {"optimizer": "adamm"}}, "Did you mean 'adam'?"),
        ({"settings": {"optimizer": "sgd[momentun=0.5]"}}, "Did you mean 'momentum'?"),
        ({"settings": {"optimizer": "sgd[momentum=0.5,0.9]"}}, "give one"),
        ({"settings": {"optimizer": "adam,sgd"}}, "give one: 'adam'"),
        ({"settings": {"schedule": "cosine[final=2]"}}, "less than or equal to 1"),
        ({"settings": {"block": "residual[depth=0]"}}, "greater than or equal to 1"),
        ({"settings": {"clip_norm": 1, "clip_value": 1}}, "exclude each other"),
        ({"settings": {"precision": 16}}, "32, 64, bf16-mixed"),
    ],
)
def test_a_wrong_request_is_refused_with_the_word_to_type(
    registry: Registry, asked: dict[str, Any], token: str
) -> None:
    assert token in refusal(registry, **asked)


def test_the_limit_is_a_limit_and_not_a_size(registry: Registry) -> None:
    widths = ",".join(map(str, range(1, 11)))
    with pytest.raises(UsageError, match="100,010 trials"):
        plan(registry, models=f"lstm[hidden_size={widths}]", seeds=MAX_TRIALS // 10 + 1)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=3,
)


@settings(deadline=None, max_examples=300)
@given(
    asked=st.fixed_dictionaries(
        {},
        optional={
            "hidden_size": JUNK,
            "seeds": st.integers(-3, 3)
            | st.lists(JUNK, max_size=3)
            | st.floats()
            | st.text(max_size=3),
            "preset": st.none() | st.text(max_size=9),
            "settings": st.dictionaries(
                st.sampled_from(sorted(Settings.model_fields)) | st.text(max_size=5),
                JUNK,
                max_size=2,
            ),
        },
    )
)
def test_anything_from_python_is_planned_or_refused_in_one_line(
    registry: Registry, asked: dict[str, Any]
) -> None:
    outcome = planned_or_refused(registry, asked)
    assert (
        outcome.isprintable() if isinstance(outcome, str) else [spec.trial_id for spec in outcome]
    )


def planned_or_refused(registry: Registry, asked: dict[str, Any]) -> list[TrialSpec] | str:
    try:
        return plan(registry, **asked)
    except UsageError as error:
        return str(error)


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"steps": 100, "schedule": "cosine[warmup=100]"}, "warmup of at most 99, or more steps"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'?"),
        ({"schedule": "cosine[final=2]"}, "less than or equal to 1"),
        ({"optimizer": "sgd[momentum=0,nesterov=true]"}, "momentum above 0"),
        ({"optimizer": "adam[alpha=0.9]"}, "It takes: amsgrad, beta1, beta2, eps"),
        ({"patience": 0}, "greater than"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "exclude each other"),
        ({"weight_decay_on": "biases"}, "weights"),
    ],
)
def test_a_mistake_in_the_recipe_is_found_at_planning(
    registry: Registry, settings: dict[str, Any], hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        one(registry, settings=settings)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()
