"""What was equal over the compared models: within 5 %, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis import remarks
from rnnbench.analysis.equality import Measured, equality
from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.analysis.tables import tidy
from rnnbench.analysis.tuning.studies import Study, studies
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from rnnbench.records.space import Axis
from rnnbench.records.spec import Matched
from rnnbench.report.page.conditions import conditions, conditions_over
from tests.support.factory import learning, record, trial_spec
from tests.support.tries import RATES, try_record


def matched_record(model: str, params: int, hidden_size: int = 64, **given: Any) -> Record:
    spec = trial_spec(model=model, hidden_size=hidden_size, **given)
    found = Matched(quantity="params", target=20_000, asked="20k", achieved=params)
    chosen = spec.model.model_copy(update={"matched": found})
    return record(spec=spec.model_copy(update={"model": chosen}), params=params)


def task_of(*records: Record) -> TaskGroup:
    (task,) = group(records)
    return task


def titles(task: TaskGroup, equal: bool) -> set[str]:
    found = equality(task)
    assert found is not None
    return {each.title for each in found.measured if each.is_equal is equal}


def test_equal_widths_are_told_from_equal_parameters() -> None:
    by_width = task_of(record(model="rnn", params=5_000), record(model="lstm", params=20_000))
    assert "hidden size" in titles(by_width, equal=True)
    assert {"parameters", "core parameters", "FLOPs per step"} <= titles(by_width, equal=False)
    by_params = task_of(
        matched_record("rnn", 19_800, hidden_size=130), matched_record("lstm", 20_141)
    )
    assert "parameters" in titles(by_params, equal=True)
    assert "hidden size" in titles(by_params, equal=False)
    first, second = conditions(by_params)
    assert "parameters within 1.0 % of 20,000 (--match params=20k)" in first
    assert "hidden size 64 to 130" in second


def test_without_probes_the_value_that_the_size_was_chosen_by_counts() -> None:
    pair = [matched_record("rnn", 19_800, 130), matched_record("lstm", 20_141)]
    unprobed = [
        each.model_copy(update={"result": each.result.model_copy(update={"size": None})})
        for each in pair
    ]
    assert titles(task_of(*unprobed), equal=True) == {"parameters"}


def test_models_on_both_sides_of_a_target_are_equal_though_further_from_each_other() -> None:
    pair = (19_100, 20_900)
    assert "parameters" in titles(task_of(*(matched_record(f"m{n}", n) for n in pair)), equal=True)
    assert "parameters" in titles(
        task_of(*(record(model=f"m{n}", params=n) for n in pair)), equal=False
    )


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=6), st.floats(0.1, 10))
def test_equality_does_not_depend_on_the_unit(values: list[float], unit: float) -> None:
    plain = Measured("state", tuple(values))
    scaled = Measured("state", tuple(unit * value for value in values))
    assert plain.error == pytest.approx(scaled.error, abs=1e-9)
    assert plain.error >= 0


def test_a_state_of_zero_is_equal_to_itself_alone() -> None:
    assert Measured("state", (0, 0)).is_equal
    assert not Measured("state", (0, 1)).is_equal


def test_a_setting_that_differs_is_named_with_its_values() -> None:
    task = task_of(
        record(model="rnn", settings=Settings(learning_rate=0.01)),
        record(model="lstm", settings=Settings(learning_rate=0.001)),
    )
    found = equality(task)
    assert found is not None
    assert set(found.different) == {"learning_rate"}
    assert set(found.different["learning_rate"]) == {"0.01", "0.001"}


def test_models_without_a_score_are_not_compared() -> None:
    failed = record(model="gru", status=Status.FAILED, hidden_size=8)
    task = task_of(record(model="rnn"), record(model="lstm"), failed)
    assert "hidden size" in titles(task, equal=True)
    assert equality(task_of(record(model="rnn"), failed)) is None
    assert conditions(task_of(record(model="rnn"))) == []


def test_over_tasks_a_quantity_is_equal_if_it_is_on_each() -> None:
    both = [
        record(model=model, params=params, task=task, hidden_size=8)
        for task, sizes in (("adding", (20_000, 20_100)), ("dyck", (20_000, 40_000)))
        for model, params in zip(("rnn", "lstm"), sizes, strict=True)
    ]
    equal, unequal = conditions_over(group(both))
    assert "hidden size" in equal
    assert "parameters, up to 2 times on dyck" in unequal


def test_a_model_off_its_target_is_marked() -> None:
    task = task_of(matched_record("rnn", 18_000), matched_record("lstm", 20_100))
    marks = {c.spec.model.name: remarks.marked(c) for c in task.configurations}
    assert marks == {"rnn": f"rnn {remarks.UNMATCHED}", "lstm": "lstm"}
    said = remarks.off_target(task)
    assert said is not None
    assert "rnn 18,000 parameters in place of 20,000" in said
    assert "parameters" in titles(task, equal=False)
    assert "rnn 64" in (remarks.matched_sizes(task) or "")
    assert remarks.off_target(task_of(record(), record(model="rnn"))) is None


def test_the_table_has_target_and_error() -> None:
    table = tidy([matched_record("rnn", 19_000), record(model="gru")]).set_index("model")
    assert table.loc["rnn", "match_quantity"] == "params"
    assert table.loc["rnn", "match_target"] == 20_000
    assert table.loc["rnn", "match_error"] == pytest.approx(-0.05)
    assert table.loc["gru", ["match_quantity", "match_error"]].isna().all()


def test_tuned_settings_are_told_apart_from_those_of_the_default_recipes() -> None:
    default = [record(model=model, ratio=None) for model in ("rnn", "lstm")]
    chosen = [
        record(model=model, settings=Settings(learning_rate=rate), ratio=None)
        for model, rate in (("rnn", 2e-3), ("lstm", 9e-3))
    ]
    of = {t.spec.config_id: d.spec.config_id for d, t in zip(default, chosen, strict=True)}
    (task,) = group([*default, *chosen], of)
    first, second = conditions(task, tuned_by({"rnn": 3, "lstm": 3}))
    assert "recipe and the tries of the tuning" in first
    assert "the tuned learning rate 0.002 or 0.009" in second
    (untuned,) = group(default)
    assert "tun" not in " ".join(conditions(untuned))


def tuned_by(counts: Mapping[str, int], space: Sequence[Axis] = RATES) -> list[Study]:
    return studies(
        try_record(number, 0.5, model=model, study=model, space=space)
        for model, count in counts.items()
        for number in range(count)
    )


def test_tries_are_equal_only_where_every_model_has_as_many() -> None:
    task = task_of(*(record(model=model, ratio=None) for model in ("rnn", "lstm")))
    equal, unequal = conditions(task, tuned_by({"rnn": 3, "lstm": 5}))
    assert "tries" not in equal
    assert "the tries of the tuning (3: rnn; 5: lstm)" in unequal
    equal, unequal = conditions(task, tuned_by({"lstm": 5}))
    assert "tries" not in equal
    assert "(0: rnn; 5: lstm)" in unequal
    other = Axis(name="learning_rate", low=1e-3, high=1e-2, log=True)
    searches = [*tuned_by({"rnn": 3}), *tuned_by({"lstm": 3}, [other])]
    equal, unequal = conditions(task, searches)
    assert "the tries of the tuning" in equal
    assert "the search of the tuning" in unequal
    assert "the search of the tuning" not in " ".join(conditions(task, searches[:1] * 2))


def test_steps_are_not_equal_where_an_early_stop_made_them_differ() -> None:
    recipe = Settings(patience=2)

    def task_with(*taken: int) -> TaskGroup:
        return task_of(
            *(
                record(
                    model=model,
                    settings=recipe,
                    learned=learning().model_copy(update={"steps_taken": steps}),
                )
                for model, steps in zip(("rnn", "lstm"), taken, strict=True)
            )
        )

    equal, unequal = conditions(task_with(300, 1000))
    assert "limit of optimizer steps 1,000" in equal
    assert "optimizer steps taken 300 to 1,000" in unequal
    assert "taken" not in " ".join(conditions(task_with(300, 300)))


def test_over_tasks_what_one_task_does_not_tell_is_not_called_equal() -> None:
    sized = [record(model=model, task="adding", ratio=None) for model in ("rnn", "lstm")]
    unsized = [
        each.model_copy(
            update={
                "spec": trial_spec(model=each.spec.model.name, task="dyck"),
                "result": each.result.model_copy(update={"size": None}),
            }
        )
        for each in sized
    ]
    (equal, *_) = conditions_over(group([*sized, *unsized]))
    assert "hidden size" in equal
    assert "parameters" not in equal


def test_over_tasks_the_tuning_is_told() -> None:
    tasks = ("adding", "dyck")
    default = [record(model=m, task=t, ratio=None) for t in tasks for m in ("rnn", "lstm")]
    chosen = [
        record(
            model=each.spec.model.name,
            task=each.spec.task.name,
            settings=Settings(learning_rate=2e-3 if each.spec.model.name == "rnn" else 9e-3),
            ratio=None,
        )
        for each in default
    ]
    of = {t.spec.config_id: d.spec.config_id for d, t in zip(default, chosen, strict=True)}
    counts = {"adding": 3, "dyck": 4}
    known = studies(
        try_record(n, 0.5, model=m, task=t, study=t + m)
        for t in tasks
        for m in ("rnn", "lstm")
        for n in range(counts[t])
    )
    groups = group([*default, *chosen], of)
    equal, unequal = conditions_over(groups, known)
    assert "all settings of the default recipes and the tries of the tuning" in equal
    assert "the tuned learning rate" in unequal
    equal, unequal = conditions_over(groups, known[1:])
    assert "tries" not in equal
    assert "the tries of the tuning" in unequal


def test_initial_weights_are_named_where_models_differ() -> None:
    pair = [
        record(model="lstm", model_options={"forget_bias": 1.0, "num_layers": 1}),
        record(model="gru", model_options={"num_layers": 1}),
    ]
    _, second = conditions(task_of(*pair))
    assert "initial weights (" in second
    assert "forget_bias=1.0" in second
    same = [record(model="lstm", settings=Settings(steps=steps)) for steps in (10, 20)]
    assert "initial weights" not in " ".join(conditions(task_of(*same)))
