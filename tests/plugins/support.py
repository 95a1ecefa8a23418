"""Build the built-in cores as a user gets them, and compare tensors."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.contract import registry
from rnnbench.contract.core import state_tensors
from rnnbench.contract.registry import RegisteredModel

D, H = 3, 4
CAUSAL = ("rnn", "lstm", "gru", "attention-lstm")
ALL = (*CAUSAL, "bilstm")


@cache
def models() -> dict[str, RegisteredModel]:
    """Return every registered model."""
    return registry.load().models


def build(
    name: str, input_size: int = D, hidden_size: int = H, seed: int = 0, **options: Any
) -> Any:
    """Build a core in float64, in evaluation mode, from a seed."""
    torch.manual_seed(seed)
    return models()[name].build(input_size, hidden_size, options).double().eval()


def sequences(batch: int, steps: int, width: int = D, seed: int = 1) -> Tensor:
    """Draw x (B, T, D) in float64."""
    return torch.randn(
        batch, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def assert_close(got: Tensor, wanted: Tensor, tolerance: float = 1e-12) -> None:
    """Fail unless both agree to an absolute and relative tolerance."""
    torch.testing.assert_close(got, wanted, rtol=tolerance, atol=tolerance)


def assert_same_state(got: Any, wanted: Any) -> None:
    """Fail unless two states hold the same tensors."""
    pairs = list(zip(state_tensors(got), state_tensors(wanted), strict=True))
    assert pairs
    for one, other in pairs:
        assert_close(one, other)


def gradients(loss: Tensor, x: Tensor, core: nn.Module) -> dict[str, Tensor]:
    """Return the gradient of ``loss`` with respect to x and every parameter, by name."""
    named = {"x": x, **dict(core.named_parameters())}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))
