"""What was equal over the compared models: within 5 %, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis import remarks
from rnnbench.analysis.equality import Measured, equality
from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.analysis.tables import tidy
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from rnnbench.records.spec import Matched
from rnnbench.report.page.conditions import conditions, conditions_over
from tests.support.factory import record, trial_spec


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
    first, second = conditions(task)
    assert "recipe and the tries of the tuning" in first
    assert "the tuned learning rate 0.002 or 0.009" in second
    (untuned,) = group(default)
    assert "tun" not in " ".join(conditions(untuned))


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
