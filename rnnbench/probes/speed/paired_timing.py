"""Time a network beside its reference within one process; ``merge`` makes a record of several
processes.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from rnnbench.probes.speed.peak_memory import peak_memory
from rnnbench.probes.speed.process_timings import ProcessTimings, RawTiming
from rnnbench.probes.speed.workloads import Workload, batch_for, modes_of, prepare

if TYPE_CHECKING:
    from rnnbench.records.result import SpeedMode
    from rnnbench.training.network import Network

SAMPLE_SECONDS = 1e-3
"""A sample repeats its workload until it takes about this long, far above the clock's grain and a
stray interrupt.
"""
WARM_UP = 3
"""Untimed calls before the first sample: allocators fill, kernels are chosen, caches warm."""
FEWEST_PAIRS = 3
REST_SECONDS = 5e-4
"""After a disturbed pair: a process that has just slept is given a whole time slice."""


def time_interleaved(
    model: Network,
    reference: Network,
    *,
    lengths: Sequence[int],
    batch_size: int,
    device: torch.device | str,
    repeats: int = 20,
    budget_seconds: float = 20.0,
) -> ProcessTimings:
    """Time forward pass, training step and streamed time step of a model in turn with its
    reference.

    Samples come in pairs, model and reference by turns first, so that what slows the machine for a
    while slows both. Each is the mean of as many calls as take about 1 ms, by
    ``time.perf_counter_ns`` between two synchronisations of the GPU; a pair in which the process
    lost its processor is taken again. Meant for a fresh process with nothing else running; the
    caller provides both, and sets the threads.

    Args:
        model: left unchanged. One that is non-causal is not timed in streaming.
        reference: read and written as the model is; left unchanged.
        lengths: numbers of time steps, the most important one first: it is always measured; a later
            one is left out when the time left does not suffice for it. Peak memory is that of the
            first.
        batch_size: sequences in forward pass and training step; streaming handles one.
        device: where both are run.
        repeats: pairs at each length and mode, 3 or more; when time runs out, 3 are made all the
            same.
        budget_seconds: about how long to take in all, shared evenly between lengths and modes.
    """
    device = torch.device(device)
    memory = peak_memory(
        model, lengths[0], batch_size, device
    )  # before anything else lies on the device
    points = [(mode, length) for length in lengths for mode in modes_of(model)]
    deadline = time.perf_counter() + budget_seconds
    timings: list[RawTiming] = []
    for done, (mode, length) in enumerate(points):
        share = (deadline - time.perf_counter()) / (len(points) - done)
        if length != lengths[0] and _expected_seconds(timings, mode, length) > share:
            continue
        timings.append(
            _time_point(model, reference, mode, length, batch_size, device, repeats, share)
        )
    dtype = next(model.parameters()).dtype
    return ProcessTimings(
        timings=tuple(timings), peak_memory_bytes=memory, dtype=str(dtype).removeprefix("torch.")
    )


def _expected_seconds(timings: list[RawTiming], mode: SpeedMode, length: int) -> float:
    """Return what the fewest pairs at ``length`` will take, in proportion to the longest length
    timed in that mode.
    """
    known = max(
        (timing for timing in timings if timing.mode == mode), key=lambda timing: timing.length
    )
    a_pair = min(known.seconds) + min(known.reference_seconds)
    scale = 1.0 if mode == "stream" else length / known.length
    return (WARM_UP + FEWEST_PAIRS) * max(a_pair * scale, 2 * SAMPLE_SECONDS)


def _time_point(
    model: Network,
    reference: Network,
    mode: SpeedMode,
    length: int,
    batch_size: int,
    device: torch.device,
    repeats: int,
    share: float,
) -> RawTiming:
    start = time.perf_counter()
    workloads = [
        prepare(network, mode, length, batch_size, device) for network in (model, reference)
    ]
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
        reference_seconds=tuple(seconds for _, seconds in pairs),
    )


def _measure_pairs(
    workloads: Sequence[Workload],
    calls: Sequence[int],
    device: torch.device,
    repeats: int,
    deadline: float,
) -> list[tuple[float, float]]:
    """Take pairs of samples until ``repeats`` are undisturbed or the deadline is past.

    A pair is disturbed when the operating system took the processor away meanwhile. Disturbed pairs
    serve only where there are too few others: a step longer than a time slice on a busy machine has
    no other.
    """
    clean: list[tuple[float, float]] = []
    disturbed: list[tuple[float, float]] = []
    pair = 0
    while len(clean) < repeats and (pair < FEWEST_PAIRS or time.perf_counter() < deadline):
        seconds = [0.0, 0.0]
        preemptions = _preemptions()
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            seconds[which] = sample(workloads[which], calls[which], device)
        pair += 1
        if _preemptions() == preemptions:
            clean.append((seconds[0], seconds[1]))
        else:
            disturbed.append((seconds[0], seconds[1]))
            time.sleep(REST_SECONDS)
    return clean if len(clean) >= FEWEST_PAIRS else (clean + disturbed)[:repeats]


def _preemptions() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def sample(workload: Workload, calls: int, device: torch.device) -> float:
    """Return the mean seconds per call over ``calls`` calls in a row."""
    _synchronize(device)
    start = time.perf_counter_ns()
    for _ in range(calls):
        workload()
    _synchronize(device)
    return max(1, time.perf_counter_ns() - start) * 1e-9 / calls


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
