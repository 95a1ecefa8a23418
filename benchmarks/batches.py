"""The cost of drawing a batch, relative to the training step that uses it."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from benchmarks.rows import Ratio, Row, at_most
from benchmarks.subjects import network_of, registry
from rnnbench.contract.task import GeneratedTask, Task
from rnnbench.metrics import loss_of
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.steppers import EagerStepper

LIMIT = 0.05
HIDDEN_SIZE = 128
DRAWS = 20
"""Batches drawn for one timing; each is paired with the timing of one step."""


def rows(quick: bool) -> list[Row]:
    """Measure every installed task with generated data, at its defaults and batches of 64."""
    torch.set_num_threads(1)
    drawn = [
        name
        for name, task in sorted(registry().tasks.items())
        if issubclass(task.factory, GeneratedTask)
    ]
    return [_row(name, registry().task(name).build(), 10 if quick else 30) for name in drawn]


def _row(name: str, task: Task, pairs: int) -> Row:
    settings = Settings(validation_size=10, test_size=10)
    source = source_of(task, settings, 0, torch.device("cpu"))
    network = network_of("lstm", task, HIDDEN_SIZE)
    step = EagerStepper(
        network, loss_of(task), build_optimizer(network, settings), settings.clip_norm, mixed=False
    )
    batch = source.train(0)
    step(batch)

    def draw() -> None:
        for i in range(DRAWS):
            source.train(i)

    ratio = Ratio([(_seconds(draw) / DRAWS, _seconds(lambda: step(batch))) for _ in range(pairs)])
    note = f"B={settings.batch_size} T={batch.inputs.shape[1]}; {ratio.note}"
    return at_most(
        f"drawing a batch of {name} against an LSTM-{HIDDEN_SIZE} step",
        LIMIT,
        ratio.median,
        "x",
        note,
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
