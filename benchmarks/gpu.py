"""The gain of replaying a training step from a CUDA graph, on machines with a GPU."""

from __future__ import annotations

import time

import torch

from benchmarks.rows import Ratio, Row, context, unmeasured
from benchmarks.subjects import copy_memory, network_of
from rnnbench.metrics import loss_of
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.steppers import EagerStepper, GraphedStepper, Stepper

HIDDEN_SIZE = 64
LENGTH = 50
STEPS = 50


def rows(quick: bool) -> list[Row]:
    """Measure eager and replayed steps, for a fused core and for a loop over time."""
    if not torch.cuda.is_available():
        return [
            unmeasured("training step on a GPU, eager against CUDA graph", "no GPU on this machine")
        ]
    return [_row(model, 3 if quick else 15) for model in ("lstm", "attention-lstm")]


def _row(model: str, pairs: int) -> Row:
    device, task, settings = torch.device("cuda"), copy_memory(LENGTH), Settings()
    source = source_of(task, settings, 0, device)

    def eager() -> EagerStepper:
        network = network_of(model, task, HIDDEN_SIZE).to(device)
        return EagerStepper(
            network,
            loss_of(task),
            build_optimizer(network, settings),
            settings.clip_norm,
            mixed=False,
        )

    def seconds(stepper: Stepper) -> float:
        started = time.perf_counter()
        for step in range(STEPS):
            stepper(source.train(step))
        torch.cuda.synchronize()
        return time.perf_counter() - started

    plain, graphed = eager(), GraphedStepper(eager())
    seconds(plain), seconds(graphed)
    ratio = Ratio([(seconds(plain), seconds(graphed)) for _ in range(pairs)])
    captured = "captured" if graphed.captured else "not captured"
    where = f"{torch.cuda.get_device_name()}, H={HIDDEN_SIZE} T={LENGTH}; {captured}"
    return context(
        f"training step of {model} on a GPU, eager against CUDA graph",
        ratio.median,
        "x",
        f"{where}; {ratio.note}",
    )
