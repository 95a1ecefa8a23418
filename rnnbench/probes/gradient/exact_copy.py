"""Float64 copy of a network for gradient measurements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from rnnbench.cells.fast_path import plain_loops
from rnnbench.contract.core import copied, to_double

if TYPE_CHECKING:
    from rnnbench.training.network import Network


@contextmanager
def exact_copy(network: Network) -> Iterator[Network]:
    """Yield a float64 copy of ``network`` in evaluation mode, with frozen parameters.

    Gradients over hundreds of steps underflow in float32. Evaluation mode disables dropout. Inside
    the context new tensors default to float64, so that a core may create its own zero state, and
    cuDNN is disabled, because its recurrent layers refuse a backward pass in evaluation mode. Cells
    run by their plain loop, which has derivatives of every kind.
    """
    exact = to_double(copied(network)).eval().requires_grad_(False)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.backends.cudnn.flags(enabled=False), plain_loops():
            yield exact
    finally:
        torch.set_default_dtype(default)


def device_of(network: Network) -> torch.device:
    """Return the device of the network's parameters."""
    return next(network.parameters()).device
