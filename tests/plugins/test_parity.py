"""Every model agrees with a second implementation of its equations."""

from __future__ import annotations

import pytest

from tests.parity import Oracle, oracles

TOLERANCE = 1e-10


@pytest.mark.parametrize("oracle", oracles(), ids=lambda each: each.label)
def test_a_model_agrees_with_its_equations(oracle: Oracle) -> None:
    assert oracle.difference() < TOLERANCE
