"""The cores of a residual block decide together whether their steps are compiled."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnnbench.cells.core import recurrent
from rnnbench.cells.estimate import START_UP, count
from rnnbench.records.recipe import Residual
from rnnbench.training.block import ResidualStack
from tests.cells.odd_cells import Branches
from tests.cells.small_cells import LSTM

pytestmark = pytest.mark.usefixtures("interpreted")
B, T, W = 5, 20, 8


def _stack(depth: int, cell: type = LSTM, **options: Any) -> ResidualStack:
    made: Any = recurrent(cell)
    return ResidualStack(
        lambda _: made(W, W, **options), input_size=3, width=W, block=Residual(depth=depth)
    )


def _steps_of(share: float) -> int:
    """Return the optimizer steps in which one core saves this share of the start-up."""
    (core,) = _stack(1)._cores()
    ((layer, _, projected, state),) = core.inputs_of_layers(torch.randn(B, T, W))
    counts = count(layer, projected[:, 0], state)
    saved = T * (counts.plain_seconds - counts.compiled_seconds)
    return round(share * START_UP / saved)


def test_the_savings_of_all_cores_count() -> None:
    steps = _steps_of(0.4)
    x = torch.randn(B, T, 3)
    for depth, word in ((1, "plain loop"), (2, "plain loop"), (3, "compiled step")):
        stack = _stack(depth)
        line = stack.prepare(x, steps) or ""
        assert line.startswith(word)
        assert "estimated" in line
        assert ";" not in line.removeprefix("compiled step; ")
        assert {bool(len(core.plans)) for core in stack._cores()} == {word == "compiled step"}


def test_all_run_by_the_plain_loop_where_one_cannot_be_compiled() -> None:
    stack = _stack(2)
    stack._cores()[1].layers[0] = Branches(W, W)
    line = stack.prepare(torch.randn(B, T, 3), None) or ""
    assert line.startswith("plain loop: ")
    assert not any(len(core.plans) for core in stack._cores())


def test_results_of_a_prepared_stack_are_those_of_the_plain_loop() -> None:
    torch.manual_seed(0)
    stack = _stack(2).double()
    x = torch.randn(B, T, 3, dtype=torch.float64)
    expected, _ = stack(x)
    assert stack.prepare(x, None) == "compiled step"
    torch.testing.assert_close(stack(x)[0], expected, rtol=1e-12, atol=1e-12)
