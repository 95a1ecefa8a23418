"""Targets of ``--match``: read as documented, and refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.contract import registry as plugins
from rnnbench.contract.registry import Registry
from rnnbench.errors import UsageError
from rnnbench.plan.matching import QUANTITIES, parse_match
from rnnbench.plan.planning import Request, make_plan
from rnnbench.plan.suites import to_requests
from rnnbench.records.suite import Suite


@pytest.fixture(scope="module")
def registry() -> Registry:
    return plugins.load()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("params=50000", 50_000),
        ("params=50_000", 50_000),
        ("params=50k", 50_000),
        ("params = 50K", 50_000),
        ("core_params=1.5M", 1_500_000),
        ("CORE-PARAMS=5e4", 50_000),
        ("state=.5k", 500),
        ("flops=2G", 2e9),
        ("time=30", 30),
        ("time=30s", 30),
        ("time=1.5m", 90),
        ("time=2h", 7200),
    ],
)
def test_numbers_are_read_as_documented(text: str, value: float) -> None:
    match = parse_match(text)
    assert match is not None
    assert match.value == value
    assert match.model is None
    assert match.quantity in QUANTITIES


def test_a_model_is_a_target_in_one_spelling() -> None:
    match = parse_match("params=lstm[ num_layers=2 , hidden_size=128 ]")
    assert match is not None
    assert match.value is None
    assert match.asked == "lstm[hidden_size=128,num_layers=2]"
    assert str(match) == "--match params=lstm[hidden_size=128,num_layers=2]"


@pytest.mark.parametrize("text", [None, "none", " None "])
def test_none_is_equal_hidden_size(text: str | None) -> None:
    assert parse_match(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parms=50k", "'params'"),
        ("50k", "no quantity"),
        ("params", "no target"),
        ("params=", "no target"),
        ("params=0", "positive"),
        ("params=-5", "positive"),
        ("params=50,000", "positive"),
        ("params=5x", "positive"),
        ("params=1e999", "positive"),
        ("time=5k", "positive"),
        ("params=rnn,lstm", "more than one"),
        ("params=*", "more than one"),
        ("params=all", "more than one"),
        ("params=lstm[hidden_size=1,2]", "more than one"),
        ("params=lstm[hidden_size=1", "bracket"),
        ("params=lstmm[hidden_size=1]", "'lstm'"),
        ("params=lstm[layers=1]", "num_layers"),
    ],
)
def test_a_target_that_cannot_be_read_is_refused(text: str, says: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=says) as refusal:
        make_plan(Request(["copy-memory"], ["lstm"], seeds=1, match=text), registry)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("given", [5000, 5e3, True, {"params": 5000}])
def test_a_target_that_is_no_text_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="params=50k"):
        parse_match(given)


@pytest.mark.parametrize("other", [{"hidden_size": 8}, {"models": ["gru", "lstm[hidden_size=8]"]}])
def test_a_hidden_size_beside_a_target_is_refused(
    other: dict[str, Any], registry: Registry
) -> None:
    asked = {"models": ["lstm"], "seeds": 1, "match": "params=20k", **other}
    with pytest.raises(UsageError, match="--match params=20k chooses the hidden sizes"):
        make_plan(Request(["copy-memory"], **asked), registry)
    assert make_plan(Request(["copy-memory"], **{**asked, "match": "none"}), registry)


def test_a_suite_has_a_target_that_an_option_replaces() -> None:
    suite = Suite(tasks=["copy-memory"], match="params=20k")
    assert to_requests(suite, {})[0].match == "params=20k"
    assert to_requests(suite, {"match": "none"})[0].match == "none"
