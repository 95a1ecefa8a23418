"""Attention never holds a (B, T, T, A) tensor: not in passing, not saved for the backward pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from tests.plugins.support import build, sequences

WIDTH = 16


class LargestTensor(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Record the size of the largest storage that any operation, forward or backward, returns."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = 0
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations += 1
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.elements = max(
                    self.elements, tensor.untyped_storage().nbytes() // tensor.element_size()
                )
        return result


def largest(batch: int, steps: int) -> tuple[int, int]:
    """Return the size of the largest storage in the forward and in the backward pass."""
    core, x = build("attention-lstm", WIDTH, WIDTH), sequences(batch, steps, WIDTH)
    with LargestTensor() as forward:
        outputs, _ = core(x)
    with LargestTensor() as backward:
        outputs.square().sum().backward()
    assert min(forward.operations, backward.operations) > 10
    return forward.elements, backward.elements


def saved(steps: int) -> int:
    """Return the number of elements that autograd saves for the backward pass."""
    core, x = build("attention-lstm", WIDTH, WIDTH), sequences(2, steps, WIDTH)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs, _ = core(x)
    assert outputs.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("steps", [32, 40, 100])
def test_no_tensor_comes_near_the_product_of_all_steps(steps: int) -> None:
    batch = 2
    for elements in largest(batch, steps):
        assert elements <= batch * steps * steps * WIDTH / 4


def test_blocks_are_bounded_however_long_the_sequence() -> None:
    """All pairs are 4.2 million numbers per sequence; a block has at most 2^22 in total."""
    forward, backward = largest(8, 512)
    assert max(forward, backward) <= 2**22
    assert max(forward, backward) < 8 * 512 * 512 * WIDTH / 7


def test_what_is_saved_grows_linearly_with_the_sequence() -> None:
    short, long = saved(50), saved(200)
    assert long < 4.2 * short


def test_the_watch_would_see_the_plain_form() -> None:
    with LargestTensor() as watch:
        torch.tanh(torch.zeros(2, 1, 8, 4) + torch.zeros(2, 8, 1, 4))
    assert watch.elements == 2 * 8 * 8 * 4


def test_operations_of_every_pair_are_counted() -> None:
    """One prediction takes T LSTM steps, T keys, one query, T scores and T values."""
    steps, h = 40, WIDTH
    core, x = build("attention-lstm", h, h), sequences(1, steps, h)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        core.forward_last(x)
    assert counter.get_total_flops() == 2 * (
        steps * 4 * (h * h + h * h) + steps * h * h + h * h + steps * h + steps * h
    )
