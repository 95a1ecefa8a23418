"""Timing of one trial's network, in a fresh process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rnnbench.contract.core import to_double
from rnnbench.execution.environment import describe
from rnnbench.probes.speed.paired_timing import time_interleaved
from rnnbench.probes.speed.process_timings import TrialTimings
from rnnbench.training.device import cap_memory
from rnnbench.training.network import build_network

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.jobs.messages import SpeedJob

LENGTH_FACTORS = (1.0, 0.25, 0.5, 2.0, 4.0)
"""Sequence lengths timed, as multiples of the task's own, the most important first."""


def time_trial(job: SpeedJob, registry: Registry) -> TrialTimings:
    """Build the networks of a trial and of its comparator, untrained, and time them in turn."""
    spec, device = job.spec, torch.device(job.device)
    cap_memory(device, job.memory)
    task = registry.task(spec.task.name).build(spec.task.options)
    networks = [
        build_network(each, registry.model(each.model.name), task).to(device)
        for each in (spec, job.comparator)
    ]
    if spec.settings.precision == "64":
        networks = [to_double(network) for network in networks]
    lengths = list(dict.fromkeys(max(1, round(task.length * factor)) for factor in LENGTH_FACTORS))
    timings = time_interleaved(
        *networks,
        lengths=lengths,
        batch_size=spec.settings.batch_size,
        device=device,
        budget_seconds=job.budget_seconds,
    )
    return TrialTimings(timings=timings, length=task.length, environment=describe(device))
