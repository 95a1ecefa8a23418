"""What ``rnnbench check`` says of a step that the kit cannot compile."""

from __future__ import annotations

import pytest

from rnnbench import Cell
from rnnbench.contract.collector import Collector
from rnnbench.records.spec import Provider
from rnnbench.testing import model_results
from rnnbench.testing.model.cell import the_step_can_be_compiled
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import ContractError
from tests.cells.odd_cells import ODD, REFUSED, KeepsTensors
from tests.cells.small_cells import CELLS


def _subject(cell: type[Cell]) -> ModelUnderTest:
    registration = Collector(Provider(distribution="acme", version="1"), {}, {})
    registration.register_model("tested", cell)
    return ModelUnderTest(registration.models["tested"])


@pytest.mark.parametrize("cell", [*CELLS.values(), *ODD.values()])
def test_correct_cells_pass(cell: type[Cell]) -> None:
    the_step_can_be_compiled(_subject(cell))


@pytest.mark.parametrize("cell", REFUSED)
def test_each_mistake_is_named(cell: type[Cell]) -> None:
    with pytest.raises(ContractError, match=REFUSED[cell]):
        the_step_can_be_compiled(_subject(cell))


def test_the_check_belongs_to_those_of_a_model() -> None:
    results = model_results(_subject(KeepsTensors).model)
    failed = {each.name: each.message for each in results if not each.passed}
    assert "self.last" in failed["the step can be compiled"]
