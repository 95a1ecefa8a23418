"""Time a network and its comparator in alternation within one process."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from rnnbench.contract.core import floating_dtype
from rnnbench.probes.speed.peak_memory import peak_memory
from rnnbench.probes.speed.process_timings import ProcessTimings, RawTiming
from rnnbench.probes.speed.workloads import Workload, batch_for, modes_of, prepare

if TYPE_CHECKING:
    from rnnbench.records.speed import SpeedMode
    from rnnbench.training.network import Network

SAMPLE_SECONDS = 1e-3
"""Minimum time of a sample, in seconds, which repeats its workload until then.

It is far above the resolution of the clock and the time of an interrupt.
"""
WARM_UP = 3
"""Untimed calls before the first sample, which fill allocators and caches and choose kernels."""
FEWEST_PAIRS = 3
"""Minimum number of pairs of samples for each mode and length."""
REST_SECONDS = 5e-4
"""Sleep after a disturbed pair: a process that has slept gets a whole time slice."""
PLAIN_LOOP_SECONDS = 0.5
"""Time of a training step above which plain loops are not timed.

A loop that attends to all earlier steps takes seconds at some hundred steps, and every mode needs
at least ``WARM_UP + FEWEST_PAIRS`` calls in each process.
"""
PLAIN_LOOP_STEPS = 128
"""Length at which that time is estimated."""


def time_interleaved(
    model: Network,
    comparator: Network,
    *,
    lengths: Sequence[int],
    batch_size: int,
    device: torch.device | str,
    repeats: int = 20,
    budget_seconds: float = 20.0,
    plain_loops: tuple[Network, Network] | None = None,
) -> ProcessTimings:
    """Time forward pass, training step and streamed time step of a model and its comparator.

    Samples are taken in pairs, with model and comparator first in turn, so that a temporary
    slowdown of the machine affects both. A sample is the mean of as many calls as take about 1 ms,
    by ``time.perf_counter_ns`` between two synchronisations of the GPU. A pair during which the
    process was preempted is repeated. The caller provides a fresh process with nothing else running
    and sets the number of threads.

    Args:
        model: left unchanged. A non-causal model is not timed in streaming.
        comparator: has the input and output spaces of the model; left unchanged.
        lengths: numbers of time steps, the most important one first. The first is always measured
            and gives the peak memory. A later one is skipped if the time left is too short.
        batch_size: sequences per forward pass and training step. Streaming processes one.
        device: runs both networks.
        repeats: pairs at each length and mode, at least 3. The first 3 ignore the time budget.
        budget_seconds: approximate total time, shared evenly between lengths and modes.
        plain_loops: the plain loops of model and comparator, timed in the same way at the first
            length, unless a training step of one takes more than about ``PLAIN_LOOP_SECONDS``; left
            unchanged.
    """
    device = torch.device(device)
    # before anything else is allocated on the device
    memory = peak_memory(model, lengths[0], batch_size, device)
    as_built, modes, own = (model, comparator), modes_of(model), lengths[0]
    points = [(as_built, mode, own) for mode in modes]
    if plain_loops is not None and not any(
        _least_seconds(network, own, batch_size, device) > PLAIN_LOOP_SECONDS
        for network in plain_loops
    ):
        points += [(plain_loops, mode, own) for mode in modes]
    points += [(as_built, mode, length) for length in lengths[1:] for mode in modes]
    deadline = time.perf_counter() + budget_seconds
    timings: list[RawTiming] = []
    plain_timings: list[RawTiming] = []
    for done, (networks, mode, length) in enumerate(points):
        share = (deadline - time.perf_counter()) / (len(points) - done)
        if length != own and _expected_seconds(timings, mode, length) > share:
            continue
        timing = _time_point(networks, mode, length, batch_size, device, repeats, share)
        (timings if networks is as_built else plain_timings).append(timing)
    dtype = floating_dtype(model)
    return ProcessTimings(
        timings=tuple(timings),
        plain_timings=tuple(plain_timings),
        peak_memory_bytes=memory,
        dtype=str(dtype).removeprefix("torch."),
    )


def _least_seconds(network: Network, length: int, batch_size: int, device: torch.device) -> float:
    """Estimate the time of a training step, in proportion to that of at most a few time steps."""
    steps = min(length, PLAIN_LOOP_STEPS)
    workload = prepare(network, "train", steps, batch_size, device)
    workload()
    return sample(workload, 1, device) * length / steps


def _expected_seconds(timings: list[RawTiming], mode: SpeedMode, length: int) -> float:
    """Estimate the time of ``FEWEST_PAIRS`` at ``length`` from the longest length timed so far."""
    known = max(
        (timing for timing in timings if timing.mode == mode), key=lambda timing: timing.length
    )
    a_pair = min(known.seconds) + min(known.comparator_seconds)
    scale = 1.0 if mode == "stream" else length / known.length
    return (WARM_UP + FEWEST_PAIRS) * max(a_pair * scale, 2 * SAMPLE_SECONDS)


def _time_point(
    networks: tuple[Network, Network],
    mode: SpeedMode,
    length: int,
    batch_size: int,
    device: torch.device,
    repeats: int,
    share: float,
) -> RawTiming:
    start = time.perf_counter()
    workloads = [prepare(network, mode, length, batch_size, device) for network in networks]
    calls = []
    for workload in workloads:
        for _ in range(WARM_UP - 1):
            workload()
        calls.append(max(1, math.ceil(SAMPLE_SECONDS / sample(workload, 1, device))))
    pairs = _measure_pairs(workloads, calls, device, repeats, start + share)
    return RawTiming(
        mode=mode,
        length=length,
        batch_size=batch_for(mode, batch_size),
        seconds=tuple(seconds for seconds, _ in pairs),
        comparator_seconds=tuple(seconds for _, seconds in pairs),
    )


def _measure_pairs(
    workloads: Sequence[Workload],
    calls: Sequence[int],
    device: torch.device,
    repeats: int,
    deadline: float,
) -> list[tuple[float, float]]:
    """Take pairs of samples until ``repeats`` are undisturbed or the deadline has passed.

    A pair is disturbed if the operating system preempted the process meanwhile. Disturbed pairs are
    returned only if fewer than ``FEWEST_PAIRS`` others exist: a step longer than a time slice on a
    busy machine is always disturbed.
    """
    clean: list[tuple[float, float]] = []
    disturbed: list[tuple[float, float]] = []
    pair = 0
    while len(clean) < repeats and (pair < FEWEST_PAIRS or time.perf_counter() < deadline):
        seconds = [0.0, 0.0]
        before = preemptions()
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            seconds[which] = sample(workloads[which], calls[which], device)
        pair += 1
        if preemptions() == before:
            clean.append((seconds[0], seconds[1]))
        else:
            disturbed.append((seconds[0], seconds[1]))
            time.sleep(REST_SECONDS)
    return clean if len(clean) >= FEWEST_PAIRS else (clean + disturbed)[:repeats]


def preemptions() -> int:
    """Return how often the operating system has preempted this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def sample(workload: Workload, calls: int, device: torch.device) -> float:
    """Return the mean seconds per call over ``calls`` consecutive calls."""
    _synchronize(device)
    start = time.perf_counter_ns()
    for _ in range(calls):
        workload()
    _synchronize(device)
    return max(1, time.perf_counter_ns() - start) * 1e-9 / calls


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
