"""Weights that a cell derives from its parameters: once for a sequence, with gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnbench import Cell, recurrent


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
