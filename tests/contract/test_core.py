"""Copies of modules and their conversion to float64."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnbench.contract.core import copied, floating_dtype, to_double


class Phase(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Parameter(torch.ones(3, dtype=torch.complex64))
        self.gain = nn.Parameter(torch.ones(3))
        self.register_buffer("turn", torch.ones(3, dtype=torch.complex64))
        self.register_buffer("count", torch.ones(3, dtype=torch.int64))


def test_double_precision_reaches_complex_tensors_and_leaves_integers() -> None:
    module = Phase()
    assert floating_dtype(module) == torch.float32
    parameter = module.phase
    assert to_double(module) is module
    assert module.phase is parameter
    dtypes = [each.dtype for each in (module.phase, module.gain, module.turn, module.count)]
    assert dtypes == [torch.complex128, torch.float64, torch.complex128, torch.int64]
    assert floating_dtype(module) == torch.float64


def test_a_copy_with_computed_weights_follows_its_own_parameters() -> None:
    original = nn.GRU(2, 3, batch_first=True)
    torch.nn.utils.parametrizations.weight_norm(original, "weight_hh_l0")
    x = torch.randn(2, 4, 2)
    original(x)[0].sum().backward()
    made = copied(original)
    assert torch.equal(made(x)[0], original(x)[0])
    assert all(each.is_leaf and each.requires_grad for each in made.parameters())
    with torch.no_grad():
        for name, each in made.named_parameters():
            if not name.endswith("original1"):  # the direction, whose norm divides
                each.zero_()
    assert not made(x)[0].any()
    assert original(x)[0].any()


@pytest.mark.filterwarnings("ignore")  # torch deprecates TorchScript
def test_a_copy_of_torchscript_can_be_trained() -> None:
    made = copied(nn.Sequential(torch.jit.script(nn.Linear(2, 3))))
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    before = made(torch.ones(1, 2))
    before.sum().backward()
    optimizer.step()
    # each output falls by the rate times the gradient: 0.1 for both inputs and for the bias
    assert torch.allclose(made(torch.ones(1, 2)), before - 0.3)
