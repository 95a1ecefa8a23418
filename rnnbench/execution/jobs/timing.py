"""Timing of one trial's network, in a fresh process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rnnbench.contract.core import to_double
from rnnbench.execution.environment import describe
from rnnbench.probes.speed.kernels import kernels_of
from rnnbench.probes.speed.paired_timing import time_interleaved
from rnnbench.probes.speed.process_timings import TrialTimings
from rnnbench.probes.speed.workloads import random_batch
from rnnbench.training.device import cap_memory
from rnnbench.training.network import build_network
from rnnbench.training.preparation import prepare

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.jobs.messages import SpeedJob
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.speed import Kernel, SpeedMode
    from rnnbench.training.network import Network

LENGTH_FACTORS = (1.0, 0.25, 0.5, 2.0, 4.0)
"""Sequence lengths timed, as multiples of the task's own, the most important first."""
PAIRS = 10
"""Pairs of samples of each mode and length in a process; there are several processes."""


def time_trial(job: SpeedJob, registry: Registry) -> TrialTimings:
    """Build the networks of a trial and of its comparator, untrained, and time them in turn.

    The plain loop of a model is the one that it declares, or the model itself if its training step
    runs a loop in Python.
    """
    spec, device = job.spec, torch.device(job.device)
    cap_memory(device, job.memory)
    task = registry.task(spec.task.name).build(spec.task.options)

    def build(each: TrialSpec) -> Network:
        network = build_network(each, registry.model(each.model.name), task).to(device)
        network = to_double(network) if spec.settings.precision == "64" else network
        batch = random_batch(network, max(2, task.length), spec.settings.batch_size, device)
        prepare(network, batch.inputs, None)
        return network

    def kernels(network: Network) -> dict[SpeedMode, Kernel]:
        return kernels_of(network, task.length, spec.settings.batch_size, device)

    model, comparator = build(spec), build(job.comparator)
    found = kernels(model)
    plain_loop = job.plain_loop or (spec if found["train"].kind == "Python loop" else None)
    plain_loops = None
    if plain_loop is not None and job.comparator_plain_loop is not None:
        plain_loops = (build(plain_loop), build(job.comparator_plain_loop))
    timings = time_interleaved(
        model,
        comparator,
        lengths=list(dict.fromkeys(max(1, round(task.length * f)) for f in LENGTH_FACTORS)),
        batch_size=spec.settings.batch_size,
        device=device,
        repeats=PAIRS,
        budget_seconds=job.budget_seconds,
        plain_loops=plain_loops,
    )
    return TrialTimings(
        timings=timings,
        kernels=found,
        comparator_kernels=kernels(comparator),
        environment=describe(device),
    )
