"""What a core does before any clock runs: compilation, where it has any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench.training.network import Network


def prepare(
    network: Network, inputs: Tensor, steps: int | None, *, mixed: bool = False
) -> str | None:
    """Let the core prepare for inputs of this size; return how it will run, if it says so.

    torch's random numbers are left as they were.

    Args:
        network: on its device, in the mode that it will run in.
        inputs: (B, T) or (B, T, D), of a batch.
        steps: optimizer steps; ``None`` where the network is about to be timed.
        mixed: whether it will run under autocast to bfloat16.
    """
    prepare_core = getattr(network.core, "prepare", None)
    if prepare_core is None:
        return None
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),
        torch.autocast(inputs.device.type, torch.bfloat16, enabled=mixed),
    ):
        with torch.no_grad():
            encoded = network.encoder(inputs)
        line: str | None = prepare_core(encoded, steps)
    return line
