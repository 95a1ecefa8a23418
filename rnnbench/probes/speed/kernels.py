"""The kernel that runs a recurrence, by torch's profiler."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from rnnbench.cells.autograd import NAME as COMPILED_STEPS
from rnnbench.probes.speed.peak_memory import QUIET_PROFILER
from rnnbench.probes.speed.workloads import random_batch
from rnnbench.records.speed import Kernel

if TYPE_CHECKING:
    from rnnbench.records.speed import SpeedMode
    from rnnbench.training.network import Network

FUSED = ("aten::mkldnn_rnn_layer", "aten::_cudnn_rnn", "aten::miopen_rnn")
"""One call of a library (oneDNN, cuDNN, MIOpen) for all time steps."""
COMPILED_LOOPS = ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu")
"""torch's own layers: without a fused kernel they loop over time in C++."""
CELLS = ("aten::lstm_cell", "aten::gru_cell", "aten::rnn_tanh_cell", "aten::rnn_relu_cell")
"""torch's cells: one step of a loop."""
PROFILED: tuple[SpeedMode, ...] = ("train", "forward")


def kernels_of(
    network: Network, length: int, batch_size: int, device: torch.device
) -> dict[SpeedMode, Kernel]:
    """Name the kernel of the core's forward pass, with gradient (``train``) and without.

    Args:
        network: left unchanged, but for its mode and torch's random numbers.
        length: number of time steps T.
        batch_size: sequences per call.
        device: where the network is.
    """
    inputs = random_batch(network, max(2, length), batch_size, device).inputs
    with torch.no_grad():
        encoded = network.encoder(inputs)
    training = network.training
    found: dict[SpeedMode, Kernel] = {}
    for mode in PROFILED:
        network.train(mode == "train")

        def run(steps: int, gradient: bool = mode == "train") -> None:
            with torch.set_grad_enabled(gradient):
                network.features(encoded[:, :steps])

        found[mode] = kernel_of(run, max(2, length))
    network.train(training)
    return found


def kernel_of(run: Callable[[int], object], length: int) -> Kernel:
    """Name the kernel of ``run(steps)``, a forward pass over that many time steps.

    The operations of ``length`` and of half as many steps are compared. An operation that is called
    as often in both works on whole sequences. The number of further operations that Python
    dispatches per further step tells a loop in Python from one in C++ or in a library.

    Args:
        run: a forward pass, called twice under the profiler.
        length: number of time steps, at least 2.
    """
    shorter = length // 2
    (operations, dispatched), (fewer, dispatched_fewer) = (
        _profile(run, steps) for steps in (length, shorter)
    )
    per_step = (dispatched - dispatched_fewer) / (length - shorter)

    def whole(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if 0 < operations[name] == fewer[name])

    if fused := whole(FUSED):
        return Kernel(kind="fused", operations=fused, dispatched_per_step=per_step)
    if compiled := whole(COMPILED_LOOPS):
        return Kernel(kind="C++ loop", operations=compiled, dispatched_per_step=per_step)
    if operations[COMPILED_STEPS]:
        inside = (operations.total() - fewer.total()) / (length - shorter)
        return Kernel(kind="compiled step", dispatched_per_step=inside)
    if per_step >= 1:
        cells = tuple(name for name in (*COMPILED_LOOPS, *CELLS) if operations[name])
        return Kernel(kind="Python loop", operations=cells, dispatched_per_step=per_step)
    return Kernel(kind="other", dispatched_per_step=per_step)


def _profile(run: Callable[[int], object], steps: int) -> tuple[Counter[str], int]:
    """Return the operations by name, and how many of them no other operation called."""
    name, value = QUIET_PROFILER
    os.environ.setdefault(name, value)
    with torch.autograd.profiler.profile() as profiler:
        run(steps)
    # an operation that contains another one and starts with it comes first
    events = sorted(
        profiler.kineto_results.events(), key=lambda event: (event.start_ns(), -event.duration_ns())
    )
    operations: Counter[str] = Counter()
    dispatched, end = 0, -1
    for event in events:
        operations[event.name()] += 1
        if event.start_ns() >= end:
            dispatched += 1
            end = event.start_ns() + event.duration_ns()
    return operations, dispatched
