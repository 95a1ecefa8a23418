"""``rnnbench check CLAIM``: a good claim passes, and each bad one fails one check by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rnnbench.claims import Above, Group, Simulated, Skill
from rnnbench.contract import registry
from rnnbench.records.result import Record
from rnnbench.records.suite import Suite
from rnnbench.testing.claim.checks import results
from rnnbench.testing.claim.subject import ClaimUnderTest
from tests.support.claims import CLAIM


def failed(**change: Any) -> dict[str, str]:
    subject = ClaimUnderTest(replace(CLAIM, **change), registry.load())
    return {each.name: each.message for each in results(subject) if not each.passed}


class Forgetful(Skill):
    """Writes nothing."""

    def write(self, record: Record, value: float) -> Record:
        del value
        return record


class Overconfident(Skill):
    """Knows nothing of the spread over seeds."""

    def moments(self, records: Any, *, logarithms: bool) -> Any:
        found = super().moments(records, logarithms=logarithms)
        return None if found is None else replace(found, error=found.error / 5)


def test_a_good_claim_passes() -> None:
    assert failed() == {}


WORLDS = CLAIM.simulated
NARROW = {"lstm": (0.31, 0.1), "rnn": (0.3, 0.1)}


@pytest.mark.parametrize(
    ("change", "check", "message"),
    [
        (
            {"trials": Suite(tasks=["copy-memori"], models=["rnn", "lstm"], seeds=5)},
            "its trials can be planned",
            "copy-memory",
        ),
        (
            {"groups": {"lstm": Group("lstm[num_layers=3]"), "rnn": Group("rnn")}},
            "every group has trials",
            "holds 0 trials",
        ),
        (
            {"groups": {"lstm": Group("lstm"), "rnn": Group("lstm")}},
            "compared groups differ",
            "the same trials",
        ),
        (
            {"measure": Forgetful()},
            "the measure reads back what it writes",
            "wrote",
        ),
        (
            {"rule": Above(0.9)},
            "its worlds are on both sides of the rule",
            "supported world the effect is 0.5",
        ),
        (
            {"simulated": Simulated(WORLDS.contradicted, WORLDS.supported)},
            "its worlds are on both sides of the rule",
            "the rule wants it above 0",
        ),
        (
            {"simulated": Simulated(NARROW, WORLDS.contradicted)},
            "a true claim is supported",
            "more seeds",
        ),
        (
            {"measure": Overconfident()},
            "an effect on the bound is rarely decided",
            "at most 5%",
        ),
    ],
)
def test_a_bad_claim_fails_saying_what_to_change(
    change: dict[str, Any], check: str, message: str
) -> None:
    found = failed(**change)
    assert message in found.get(check, f"passed; failed were {sorted(found)}")
