"""One cell by the real compiler: what the other tests run operation by operation."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
import torch

from rnnbench.cells.compiler import NoCompilerError, require_compiler
from rnnbench.cells.core import recurrent
from rnnbench.probes.speed.kernels import kernel_of
from tests.cells.odd_cells import Heads
from tests.cells.small_cells import LSTM

B, D, H = 6, 3, 16


@pytest.fixture(scope="module")
def cores() -> tuple[Any, Any]:
    """Return a core with a compiled step, and its plain loop."""
    try:
        require_compiler(torch.device("cpu"))
    except NoCompilerError as reason:
        pytest.skip(str(reason))
    torch.manual_seed(1)
    made: Any = recurrent(LSTM)
    core = made(D, H, num_layers=2)
    plain = copy.deepcopy(core)
    plain.impl = "reference"
    assert core.prepare(torch.randn(B, 4, D), None) == "compiled step"
    return core, plain


def _results(core: Any, steps: int) -> list[torch.Tensor]:
    x = torch.randn(B, steps, D, generator=torch.Generator().manual_seed(steps)).requires_grad_()
    outputs, state = core(x)
    loss = outputs.square().sum() + sum(each.square().sum() for pair in state for each in pair)
    return [outputs, *torch.autograd.grad(loss, [x, *core.parameters()])]


@pytest.mark.parametrize("steps", [2, 3, 11, 5])
def test_equals_the_plain_loop(cores: tuple[Any, Any], steps: int) -> None:
    core, plain = cores
    for one, two in zip(_results(core, steps), _results(plain, steps), strict=True):
        scale = float(two.detach().abs().max())
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5 * scale)


def test_a_gradient_of_the_state_with_other_strides() -> None:
    torch.manual_seed(1)
    core = cast(Any, recurrent(Heads))(D, H)
    # the check before use compares it with the plain loop
    assert core.prepare(torch.randn(B, 4, D), None) == "compiled step"


def test_runs_and_copies_are_equal_bit_by_bit(cores: tuple[Any, Any]) -> None:
    core, _ = cores
    expected = _results(core, 7)
    for each in (core, copy.deepcopy(core)):
        for one, two in zip(expected, _results(each, 7), strict=True):
            assert torch.equal(one, two)


def test_the_kernel_is_named(cores: tuple[Any, Any]) -> None:
    core, plain = cores
    x = torch.randn(B, 10, D)
    assert kernel_of(lambda steps: core(x[:, :steps]), 10).label == "compiled step"
    assert kernel_of(lambda steps: plain(x[:, :steps]), 10).kind == "Python loop"
    with torch.no_grad():
        assert kernel_of(lambda steps: core(x[:, :steps]), 10).kind == "compiled step"
