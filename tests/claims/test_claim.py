"""Claims as data: groups that select trials, and what registration refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rnnbench.claims import Above, Between, Group
from rnnbench.records.settings import Settings
from rnnbench.records.suite import Suite
from tests.support.claims import CLAIM
from tests.support.factory import record, trial_spec

SPEC = trial_spec(
    task_options={"delay": 50, "symbols": 8},
    model="lstm",
    model_options={"num_layers": 2, "forget_bias": 1.0},
    hidden_size=32,
    settings=Settings(clip_norm=None, learning_rate=1e-3),
)


@pytest.mark.parametrize(
    ("group", "holds"),
    [
        (Group(), True),
        (Group("lstm"), True),
        (Group("gru"), False),
        (Group("gru,lstm"), True),
        (Group("lstm[num_layers=2]"), True),
        (Group("lstm[num_layers=1]"), False),
        (Group("lstm[num_layers=1,2]"), True),
        (Group("lstm[forget_bias=1]"), True),
        (Group("lstm[hidden_size=32]"), True),
        (Group("lstm[hidden_size=64]"), False),
        (Group("lstm[unknown=1]"), False),
        (Group("lstm", "copy-memory[delay=50]"), True),
        (Group(task="copy-memory[delay=5]"), False),
        (Group(settings={"clip_norm": None}), True),
        (Group(settings={"clip_norm": 1.0}), False),
        (Group(settings={"learning_rate": "1e-3"}), True),
        (Group(settings={"unknown": 1}), False),
    ],
)
def test_a_group_holds_the_trials_that_agree_with_it(group: Group, holds: bool) -> None:
    assert group.holds(SPEC) is holds


def test_a_group_holds_one_kind_of_recipe() -> None:
    claim = replace(CLAIM, groups={"lstm": Group("lstm"), "rnn": Group("lstm", tuned=True)})
    one, two = record(spec=SPEC), record(spec=SPEC)
    sorted_into = claim.sorted_into([(one, False), (two, True)])
    assert sorted_into == {"lstm": [one], "rnn": [two]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statement": ""}, "statement is empty"),
        ({"statement": "two\nlines"}, "one line"),
        ({"citations": ()}, "rnnbench.Citation"),
        ({"trials": Suite(claims=["other"])}, "must not name claims"),
        ({"groups": {"lstm": Group("lstm")}}, "needs the group 'rnn'"),
        ({"groups": {"lstm": Group("lstm["), "rnn": Group("rnn")}}, "group 'lstm'"),
    ],
)
def test_an_incomplete_claim_is_refused_saying_what_to_change(
    change: dict[str, Any], message: str
) -> None:
    assert not CLAIM.faults()
    assert any(message in fault for fault in replace(CLAIM, **change).faults())


def test_a_rule_between_two_bounds_needs_them_in_order() -> None:
    with pytest.raises(ValueError, match="smaller"):
        Between(1.0, 1.0)
    assert 2.0 in Above(1.0)
    assert 1.0 not in Above(1.0)
