"""Training steps of rnnbench against those of the bare loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch

from benchmarks.bare import bare_lstm, bare_training
from benchmarks.rows import Ratio, Row, at_most, context
from benchmarks.subjects import copy_memory, network_of
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.loop import Learner, fit

LIMIT = 1.03
SIZES = ((32, 20, 32, 64, 60), (128, 100, 50, 16, 24))
"""H, T, B; optimizer steps in a chunk, and chunks."""


@dataclass(frozen=True)
class _Moment:
    wall: float
    processor: float

    def since(self, earlier: _Moment) -> _Moment:
        return _Moment(self.wall - earlier.wall, self.processor - earlier.processor)


def _now() -> _Moment:
    return _Moment(time.perf_counter(), time.process_time())


class _BareInBetween(pl.Callback):
    """Takes as many bare steps after each chunk, so that both loops run under the same load."""

    def __init__(self, bare: Callable[[int], None]) -> None:
        self.bare = bare
        self.pairs: list[tuple[_Moment, _Moment]] = []
        self.began = self.validated = self._since = _now()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.began = self._since = _now()

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: tuple[int, int], batch_idx: int
    ) -> None:
        ended = _now()
        self.bare(batch[1] - batch[0])
        bare_ended = _now()
        self.pairs.append((ended.since(self._since), bare_ended.since(ended)))
        self._since = bare_ended

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validated = _now()


def rows(quick: bool) -> list[Row]:
    """Measure whole trainings: the Trainer's set-up, its work between chunks, and the steps.

    Validation is excluded. Times are processor times, which equal wall times for one thread that
    never waits, and which other processes on the machine disturb less.
    """
    fewer = 6 if quick else 1
    constant = [_row(*size[:4], size[4] // fewer) for size in SIZES]
    cosine = "cosine[warmup=50,final=0.1]"
    return [*constant, _row(*SIZES[0][:4], SIZES[0][4] // fewer, schedule=cosine)]


def _row(
    hidden_size: int,
    length: int,
    batch_size: int,
    chunk: int,
    chunks: int,
    schedule: str = "constant",
) -> Row:
    torch.set_num_threads(1)
    steps = chunk * chunks
    task = copy_memory(length)
    settings = Settings(
        steps=steps,
        batch_size=batch_size,
        validate_every=steps,
        validation_size=10,
        test_size=10,
        schedule=schedule,
    )
    bare = bare_training(bare_lstm(task, hidden_size), task, batch_size)
    bare(5)
    between = _BareInBetween(bare)
    source = source_of(task, settings, 0, torch.device("cpu"))
    learner = Learner(network_of("lstm", task, hidden_size), task, source, settings, chunk)
    started = _now()
    fit(learner, device=torch.device("cpu"), callbacks=[between])
    setting_up = between.began.since(started).processor + _now().since(between.validated).processor
    compared = between.pairs[1:]  # the first chunk warms both up
    processor = Ratio([(a.processor, b.processor) for a, b in compared])
    wall = Ratio([(a.wall, b.wall) for a, b in compared])
    share = setting_up / sum(b.processor for _, b in between.pairs)
    bare_step = median(b.processor for _, b in compared) / chunk
    note = (
        f"{processor.note}; {steps} steps of {1e3 * bare_step:.2f} ms bare; "
        f"set-up {1e3 * setting_up:.0f} ms ({share:.2%}) included; "
        f"processor time, by the wall clock {wall.median:.3f}"
    )
    name = f"training against a bare loop, H={hidden_size} T={length} B={batch_size}"
    if schedule != "constant":
        # torch's scheduler sets the rate in each step, which the bare loop does not do
        return context(f"{name}, {schedule}", processor.median + share, "x", note)
    return at_most(name, LIMIT, processor.median + share, "x", note)
