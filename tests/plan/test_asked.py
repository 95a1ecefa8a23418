"""What a run is asked for: flags, suites, claims, and what cannot go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract import registry
from rnnbench.contract.collector import Collector
from rnnbench.contract.registry import Registry
from rnnbench.errors import UsageError
from rnnbench.plan.asked import ask, plan_grids, planned_claims
from rnnbench.records.spec import Provider
from tests.support.claims import CLAIM


@pytest.fixture
def plugins() -> Registry:
    loaded = registry.load()
    collected = Collector(Provider(distribution="acme", version="1"), {}, {})
    collected.register_claim(CLAIM)
    loaded.claims = dict(collected.claims)
    return loaded


def test_a_claim_brings_its_own_trials(plugins: Registry) -> None:
    grids = plan_grids(ask(None, [CLAIM.name]), plugins)
    (planned,) = planned_claims(grids)
    assert len(planned.trials) == 20
    assert {each.spec.model.name for each in planned.trials} == {"rnn", "lstm"}


@pytest.mark.parametrize(
    ("given", "count"), [({"preset": "quick"}, 12), ({"seeds": 3}, 6), ({"seeds": [7]}, 2)]
)
def test_seeds_and_preset_may_be_given_with_a_claim(
    plugins: Registry, given: dict[str, Any], count: int
) -> None:
    (planned,) = planned_claims(plan_grids(ask(None, ["lstm-*"], given), plugins))
    assert len(planned.trials) == count


@pytest.mark.parametrize(
    "given",
    [
        {"models": ("gru",)},
        {"settings": {"steps": 1}},
        {"match": "params=1k"},
        {"tasks": ("dyck",)},
    ],
)
def test_the_trials_of_a_claim_cannot_be_changed(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--seeds and --preset alone"):
        ask(None, [CLAIM.name], given)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lstm-remembers-mor"], "Did you mean 'lstm-remembers-more'"),
        (["gru-*"], "gru-*"),
        (["lstm-remembers-more[a=1]"], "a claim has no options"),
    ],
)
def test_an_unknown_claim_is_refused(plugins: Registry, words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_grids(ask(None, words), plugins)
    assert message in str(caught.value)


def test_an_unknown_preset_of_a_claim_is_refused(plugins: Registry) -> None:
    with pytest.raises(UsageError, match="has no preset 'paper'"):
        plan_grids(ask(None, [CLAIM.name], {"preset": "paper"}), plugins)


def test_a_suite_may_list_claims_beside_tasks(plugins: Registry, tmp_path: Path) -> None:
    suite = tmp_path / "both.yaml"
    suite.write_text(
        "tasks: [parity]\nmodels: [rnn]\nseeds: 1\nclaims: ['lstm-*']", encoding="utf-8"
    )
    asked = ask(str(suite), (), {"models": ("gru",)})
    grids = plan_grids(asked, plugins)
    assert [grid.claim and grid.claim.name for grid in grids] == [None, CLAIM.name]
    assert {spec.model.name for spec in grids[0].specs} == {"gru"}
    assert len(grids[1].specs) == 20
    with pytest.raises(UsageError, match="both given"):
        ask(str(suite), ["lstm-*"])


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(UsageError, match="no task was named"):
        ask()
