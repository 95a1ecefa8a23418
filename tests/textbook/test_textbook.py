"""Every registered claim keeps the contract, and the suite of the textbook holds all of ours."""

from __future__ import annotations

import pytest

from rnnbench.contract import registry
from rnnbench.contract.registry import Registry
from rnnbench.plan.asked import ask, plan_grids, planned_claims
from rnnbench.records.spec import OWN_DISTRIBUTION
from rnnbench.testing import check_claim

CLAIMS = sorted(registry.load().claims)


@pytest.fixture(scope="module")
def loaded() -> Registry:
    return registry.load()


@pytest.mark.parametrize("name", CLAIMS)
def test_the_rule_of_a_claim_decides_worlds_that_are_known(name: str, loaded: Registry) -> None:
    check_claim(loaded.claims[name])


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_the_suite_runs_every_claim_of_rnnbench(preset: str, loaded: Registry) -> None:
    grids = plan_grids(ask("textbook", (), {"preset": preset}), loaded)
    own = {
        name
        for name, entry in loaded.claims.items()
        if entry.provider.distribution == OWN_DISTRIBUTION
    }
    assert {each.claim.name for each in planned_claims(grids)} == own
