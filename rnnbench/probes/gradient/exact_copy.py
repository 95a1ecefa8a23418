"""A network prepared for exact measurement, with the original untouched."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from rnnbench.training.network import Network


@contextmanager
def exact_copy(network: Network) -> Iterator[Network]:
    """Lend a float64 copy of ``network`` in evaluation mode whose parameters take no gradient.

    Float64 because gradients are followed over hundreds of steps, where float32 underflows;
    evaluation mode so that dropout is off. While it is lent, new tensors default to float64, so
    that a core which creates its own zero state fits; and cuDNN is off, because its recurrent
    layers refuse a backward pass in evaluation mode.
    """
    exact = copy.deepcopy(network).double().eval().requires_grad_(False)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.backends.cudnn.flags(enabled=False):
            yield exact
    finally:
        torch.set_default_dtype(default)


def device_of(network: Network) -> torch.device:
    """Return the device of the network's parameters."""
    return next(network.parameters()).device
