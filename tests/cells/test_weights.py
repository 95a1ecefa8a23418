"""Weights that a cell derives from its parameters: once for a sequence, with gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench import Cell, recurrent
from rnnbench.cells.estimate import count
from rnnbench.cells.fast_path import Plans


def build(cell: type[Cell], **options: Any) -> Any:
    """Build a core with D = H = 4 in float64."""
    made: Any = recurrent(cell)
    return made(4, 4, **options).double()


class Derived(Cell):
    """h_t = tanh(x_t + U h_{t-1}) with U = A - A^T."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.entries = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.calls = 0

    def weights(self) -> dict[str, Tensor]:
        self.calls += 1
        return {"recurrent": self.entries - self.entries.t()}

    def step(
        self, projected: Tensor, state: Tensor, recurrent: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if recurrent is None:
            recurrent = self.weights()["recurrent"]
        h = torch.tanh(projected + state @ recurrent.t())
        return h, h


class DerivedInParallel(Derived):
    def parallel(
        self, projected: Tensor, state: Tensor, recurrent: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        outputs = []
        for each in projected.unbind(1):
            _, state = self.step(each, state, recurrent=recurrent)
            outputs.append(state)
        return torch.stack(outputs, 1), state


def test_weights_are_computed_once_for_a_sequence() -> None:
    core = build(Derived, num_layers=2, impl="reference")
    x = torch.randn(2, 7, 4, dtype=torch.float64)
    outputs, _ = core(x)
    assert [layer.calls for layer in core.layers] == [1, 1]
    outputs.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in core.parameters())


def test_the_cell_itself_and_a_parallel_form_get_them_too() -> None:
    torch.manual_seed(0)
    parallel = build(DerivedInParallel)
    loop = build(DerivedInParallel, impl="reference")
    loop.load_state_dict(parallel.state_dict())
    x = torch.randn(2, 7, 4, dtype=torch.float64)
    expected, _ = loop(x)
    assert torch.equal(parallel(x)[0], expected)
    assert torch.equal(parallel.layers[0](x)[0], expected)


@pytest.mark.usefixtures("interpreted")
def test_a_plan_gets_them_and_the_loop_does_not_compute_them() -> None:
    core = build(Derived, num_layers=2)
    assert core.prepare(torch.randn(2, 7, 4, dtype=torch.float64), None) == "compiled step"
    plain = build(Derived, num_layers=2, impl="reference")
    plain.load_state_dict(core.state_dict())
    for layer in core.layers:
        layer.calls = 0
    x = torch.randn(2, 7, 4, dtype=torch.float64)
    results = [each(x)[0].square().sum() for each in (core, plain)]
    assert [layer.calls for layer in core.layers] == [1, 1]
    weights = [list(each.parameters()) for each in (core, plain)]
    for one, two in zip(*map(torch.autograd.grad, results, weights), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("interpreted")
def test_their_gradients_are_deferred() -> None:
    cell = Derived(4, 4)
    x = torch.randn(2, 7, 4)
    plan = Plans().make(0, cell, x, x, cell.initial_state(x[:, 0]))
    products = [node for node in plan.parts.adjoint.graph.nodes if "mm" in str(node.target)]
    # that of the state's gradient alone: that of the weights' gradient is after the loop
    assert len(products) == 1
    assert not plan.parts.summed


class Costly(Derived):
    def weights(self) -> dict[str, Tensor]:
        return {"recurrent": torch.matrix_exp(self.entries - self.entries.t())}


def test_the_estimate_of_a_step_does_not_count_them() -> None:
    x = torch.randn(2, 4)
    one, two = (count(each, x, each.initial_state(x)) for each in (Derived(4, 4), Costly(4, 4)))
    assert one == two
