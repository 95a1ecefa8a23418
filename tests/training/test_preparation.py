"""A core prepares before the clock, alone and in a block, and says how it will run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.contract.task import Vectors
from rnnbench.records.recipe import Residual
from rnnbench.training.block import ResidualStack
from rnnbench.training.network import Network
from rnnbench.training.preparation import prepare


class _Prepared(nn.GRU):
    """A core that notes what it is given, and draws a random number."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.given: list[Any] = []

    def prepare(self, x: Tensor, steps: int | None) -> str:
        torch.rand(1)
        self.given.append((tuple(x.shape), steps, torch.is_autocast_enabled("cpu")))
        return "prepared"


def _network(core: Any) -> Network:
    return Network(core, hidden_size=4, inputs=Vectors(3), outputs=Vectors(1), steps="every")


def test_the_core_is_given_the_size_of_the_training() -> None:
    network = _network(lambda width: _Prepared(width, 4))
    torch.manual_seed(0)
    assert prepare(network, torch.zeros(5, 6, 3), 100, mixed=True) == "prepared"
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), drawn)
    assert network.core.given == [((5, 6, 3), 100, True)]


def test_each_core_of_a_block_prepares() -> None:
    block = Residual(depth=2)
    network = _network(
        lambda width: ResidualStack(
            lambda _: _Prepared(4, 4), input_size=width, width=4, block=block
        )
    )
    assert prepare(network, torch.zeros(5, 6, 3), None) == "prepared"
    for layer in network.core.layers:  # type: ignore[union-attr]
        assert layer.core.given == [((5, 6, 4), None, False)]


def test_a_core_without_preparation_says_nothing() -> None:
    assert prepare(_network(lambda width: nn.GRU(width, 4)), torch.zeros(5, 6, 3), 10) is None
