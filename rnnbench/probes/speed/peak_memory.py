"""Peak memory of one training step."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from rnnbench.probes.speed.workloads import prepare

if TYPE_CHECKING:
    from rnnbench.training.network import Network

QUIET_PROFILER = ("KINETO_LOG_LEVEL", "99")
"""Environment variable and value that keep torch's profiler from writing to stderr."""


def peak_memory(network: Network, length: int, batch_size: int, device: torch.device) -> int:
    """Return the peak bytes of live tensors in training steps.

    These are weights, gradients, Adam's state and activations. On a GPU the caching allocator
    counts them. On the CPU the allocations in torch's profiler are added up, which is the same
    quantity. The growth of the process's resident memory is not: it misses memory that the process
    had freed before (measured: 0 bytes for a step that allocates 5 MB). Memory that libraries
    allocate for themselves is not counted.
    """
    if device.type == "cuda":
        return _peak_on_gpu(network, length, batch_size, device)
    return peak_of_training(lambda: _two_steps(network, length, batch_size, device))


def peak_of_training(run: Callable[[], object]) -> int:
    """Return the peak bytes of tensors that ``run()`` allocates on the CPU and has not freed."""
    name, value = QUIET_PROFILER
    os.environ.setdefault(name, value)
    with torch.autograd.profiler.profile(profile_memory=True) as profiler:
        run()
    return _peak_of(profiler)


def _two_steps(network: Network, length: int, batch_size: int, device: torch.device) -> None:
    # the second step runs with Adam's state allocated
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
        # negative where memory is freed
        alive += change.nbytes()
        peak = max(peak, alive)
    return int(peak)
