"""The cost of recording gradients through training (``track_gradients``), as a share of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

from benchmarks.rows import Row, at_most
from benchmarks.subjects import copy_memory, network_of
from rnnbench.metrics import loss_of
from rnnbench.probes.gradient.through_training import TrackedLags
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.gradient_log import PROFILE_INTERVAL
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.preparation import prepare
from rnnbench.training.steppers import EagerStepper, gradient_norm

LIMIT = 0.02
MODELS = ("rnn", "lstm", "mamba", "lem")
SIZES = ((32, 20, 32), (128, 100, 50))
"""H, T, B."""


def rows(quick: bool) -> list[Row]:
    """Measure the log of each step, and G(k) at every hundredth step, against the steps.

    Trainings that clip by norm, which is the default, have the norm already; without clipping it is
    computed for the record alone. The times are processor times.
    """
    torch.set_num_threads(1)
    return [
        _row(model, *size, 3 if quick else 15, clips=clips)
        for clips in (True, False)
        for size in SIZES
        for model in MODELS
    ]


def _row(
    model: str, hidden_size: int, length: int, batch_size: int, times: int, *, clips: bool
) -> Row:
    task = copy_memory(length)
    clip_norm = 1.0 if clips else None
    settings = Settings(batch_size=batch_size, clip_norm=clip_norm, validation_size=64, test_size=1)
    network = network_of(model, task, hidden_size)
    source = source_of(task, settings, 0, torch.device("cpu"))
    batch = source.train(0)
    prepare(network, batch.inputs, 100_000)
    optimizer = build_optimizer(network, settings)
    step = EagerStepper(network, loss_of(task), optimizer, clip_norm, mixed=False)
    probe = TrackedLags(
        network,
        source.validation,
        (batch_size, length),
        generator=torch.Generator().manual_seed(0),
        relevant_lags=task.relevant_lags,
    )
    parameters = list(network.parameters())
    kept = torch.zeros(2, dtype=torch.float64)
    norm, exceeded = kept
    known, was_clipped = torch.ones(()), torch.ones((), dtype=torch.bool)

    def observe() -> None:
        norm.copy_(known if clips else gradient_norm(parameters))
        if clips:
            exceeded.copy_(was_clipped)
        kept.clone()

    def train() -> None:
        step(batch)

    def seconds(call: Callable[[], object]) -> float:
        started = time.process_time()
        call()
        return time.process_time() - started

    for call in (train, observe, probe):
        call()
    # in turn, so that a disturbance slows all three
    measured = [(seconds(train), seconds(observe), seconds(probe)) for _ in range(times)]
    of_step, of_norm, of_profile = (median(each) for each in zip(*measured, strict=True))
    share = (of_norm + of_profile / PROFILE_INTERVAL) / of_step
    note = (
        f"step {1e3 * of_step:.2f} ms, log {1e3 * of_norm:.3f} ms, G(k) {1e3 * of_profile:.2f} ms "
        f"every {PROFILE_INTERVAL} steps; medians of {times}, processor time"
    )
    clipped = "clipped" if clips else "not clipped"
    name = (
        f"gradients through training, {clipped}, {model}, H={hidden_size} T={length} B={batch_size}"
    )
    return at_most(name, LIMIT, share, "of the training", note)
