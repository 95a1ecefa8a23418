"""What ``rnnbench check`` says of a step that the kit cannot compile."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import Cell
from rnnbench.contract.collector import Collector
from rnnbench.records.spec import Provider
from rnnbench.testing import model_results
from rnnbench.testing.model.cell import the_step_can_be_compiled
from rnnbench.testing.model.checks import breaches
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import ContractError
from tests.cells.odd_cells import ODD, REFUSED, KeepsTensors, Refused
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


class WidensType(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state.to(projected.dtype) + projected
        return state, state.double()


class DropsInTraining(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = F.dropout(self.decay * state + projected, 0.5, self.training)
        return state, state


class StartsWithoutBatch(Refused):
    def initial_state(self, projected: Tensor) -> Tensor:
        return projected.new_zeros(self.hidden_size)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + projected
        return state, state


class StartsWithNone(Refused):
    def initial_state(self, projected: Tensor) -> None:
        return None

    def step(self, projected: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        state = projected if state is None else self.decay * state + projected
        return state, state


class ReadsNumpy(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + projected
        return state + torch.from_numpy(projected.detach().numpy()), state


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        (WidensType, "from float32 to float64"),
        (DropsInTraining, "draws random numbers"),
        (StartsWithoutBatch, r"make the batch its first axis"),
        (StartsWithNone, "initial_state returns something other than tensors"),
        (ReadsNumpy, "use operations of torch alone"),
    ],
)
def test_a_step_is_checked_as_it_is_trained(cell: type[Cell], hint: str) -> None:
    with pytest.raises(ContractError, match=hint):
        the_step_can_be_compiled(_subject(cell))


class ReturnsOne(Refused):
    def step(self, projected: Tensor, state: Tensor) -> Any:
        return self.decay * state + projected


class ReturnsNothing(Refused):
    def step(self, projected: Tensor, state: Tensor) -> Any:
        return None


class ReturnsThree(Refused):
    def step(self, projected: Tensor, state: Tensor) -> Any:
        return projected, state, state


class IsTooWide(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + projected
        return torch.cat([state, state], -1), state


class LosesTime(Refused):
    def project(self, x: Tensor) -> Tensor:
        return super().project(x)[:, 0]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return projected, state


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        (ReturnsOne, "step returns a tensor (4, 16); return a pair"),
        (ReturnsNothing, "step returns None; return a pair"),
        (ReturnsThree, "step returns a tuple of 3; return a pair"),
        (IsTooWide, "set self.output_size"),
        (LosesTime, "map each step of each sequence by itself"),
    ],
)
def test_a_step_that_cannot_be_used_is_one_failure(cell: type[Cell], hint: str) -> None:
    model = _subject(cell).model
    (failed,) = [each for each in model_results(model) if not each.passed]
    assert hint in failed.message
    (broken,) = breaches(_subject(cell))
    assert hint in broken.message
