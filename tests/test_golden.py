"""Identities and measured numbers are unchanged: earlier records are compared to the bit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rnnbench.records.items import ItemScores
from tests.golden import trials

GOLDEN = json.loads(trials.PATH.read_text(encoding="utf-8"))
SPECS = trials.specs()


def test_every_golden_trial_is_still_planned() -> None:
    assert set(SPECS) == set(GOLDEN["trials"])


@pytest.mark.parametrize("name", SPECS)
def test_identities_are_unchanged(name: str) -> None:
    assert trials.identities(SPECS[name]) == GOLDEN["trials"][name]["ids"]


@pytest.mark.parametrize("name", SPECS)
def test_measured_numbers_are_unchanged(name: str) -> None:
    golden = GOLDEN["trials"][name]
    expected = trials.with_current_names(golden["result"])
    measured = trials.measured(SPECS[name])
    # trials of tasks that were added later may come from another machine
    if trials.platform() == golden.get("platform", GOLDEN["platform"]):
        assert measured == expected
    else:
        # another processor takes other vector instructions, whose sums round differently
        assert_close(measured, expected)


def assert_close(measured: Any, expected: Any) -> None:
    if isinstance(expected, dict) and "packed_values" in expected:
        assert_items_close(ItemScores(**measured), ItemScores(**expected))
    elif isinstance(expected, dict):
        assert measured.keys() == expected.keys()
        for key, value in expected.items():
            assert_close(measured[key], value)
    elif isinstance(expected, list):
        assert len(measured) == len(expected)
        for one, other in zip(measured, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert measured == pytest.approx(expected, rel=1e-3, abs=1e-5)
    else:
        assert measured == expected


def assert_items_close(measured: ItemScores, expected: ItemScores) -> None:
    assert (measured.kind, measured.block) == (expected.kind, expected.block)
    assert measured.slope == pytest.approx(expected.slope, rel=1e-3)
    np.testing.assert_allclose(measured.weights(), expected.weights())
    if expected.kind == "bits":
        assert (measured.values() != expected.values()).mean() <= 0.02
    else:
        np.testing.assert_allclose(measured.values(), expected.values(), rtol=1e-2, atol=1e-4)
