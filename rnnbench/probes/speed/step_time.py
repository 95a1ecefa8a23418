"""Time of a training step of one network, alone."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

import torch

from rnnbench.probes.speed.paired_timing import SAMPLE_SECONDS, WARM_UP, preemptions, sample
from rnnbench.probes.speed.workloads import prepare

if TYPE_CHECKING:
    from rnnbench.training.network import Network

SAMPLES = 9
FEWEST_SAMPLES = 3
"""Of a step that takes so long that more would not fit into a second."""


def training_step_seconds(
    network: Network, length: int, batch_size: int, device: torch.device
) -> float:
    """Return the median seconds of a training step, as in the speed pass but without a comparator.

    Samples during which the process was preempted are repeated, and count where there are too few
    others.

    Args:
        network: left unchanged.
        length: number of time steps T.
        batch_size: sequences per step.
        device: runs the network.
    """
    step = prepare(network, "train", length, batch_size, device)
    for _ in range(WARM_UP - 1):
        step()
    once = sample(step, 1, device)
    calls = max(1, math.ceil(SAMPLE_SECONDS / once))
    wanted = min(SAMPLES, max(FEWEST_SAMPLES, math.floor(1 / once)))
    clean: list[float] = []
    disturbed: list[float] = []
    while len(clean) < wanted and len(clean) + len(disturbed) < 3 * wanted:
        before = preemptions()
        seconds = sample(step, calls, device)
        (clean if preemptions() == before else disturbed).append(seconds)
    return median(clean) if len(clean) >= FEWEST_SAMPLES else median(clean + disturbed)
