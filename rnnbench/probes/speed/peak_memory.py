"""Peak memory of one training step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from rnnbench.probes.speed.workloads import prepare

if TYPE_CHECKING:
    from rnnbench.training.network import Network

QUIET_PROFILER = ("KINETO_LOG_LEVEL", "99")
"""Torch's profiler otherwise writes two lines to stderr each time it starts."""


def peak_memory(network: Network, length: int, batch_size: int, device: torch.device) -> int:
    """Return the most bytes of tensors alive at once during training steps: weights, gradients,
    Adam's state, activations.

    On a GPU by the caching allocator's own count. On the CPU by adding up the allocations that
    torch's profiler saw, which is the same quantity; the growth of the process's resident memory is
    not, as it misses whatever the process had held and freed before (measured: 0 bytes for a step
    that allocates 5 MB). Memory that a library allocates for itself is in neither.
    """
    if device.type == "cuda":
        return _peak_on_gpu(network, length, batch_size, device)
    name, value = QUIET_PROFILER
    os.environ.setdefault(name, value)
    with torch.autograd.profiler.profile(profile_memory=True) as profiler:
        _two_steps(network, length, batch_size, device)
    return _peak_of(profiler)


def _two_steps(network: Network, length: int, batch_size: int, device: torch.device) -> None:
    """The second step runs with Adam's state in place."""
    step = prepare(network, "train", length, batch_size, device)
    step()
    step()


def _peak_on_gpu(network: Network, length: int, batch_size: int, device: torch.device) -> int:
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    _two_steps(network, length, batch_size, device)
    torch.cuda.synchronize(device)
    return int(torch.cuda.max_memory_allocated(device) - before)


def _peak_of(profiler: Any) -> int:
    changes = [event for event in profiler.kineto_results.events() if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    alive = peak = 0
    for change in changes:
        alive += change.nbytes()  # negative when freed
        peak = max(peak, alive)
    return int(peak)
