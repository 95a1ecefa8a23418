"""Cells of the kit against torch's fused layers: training step, start-up and peak memory."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks.rows import Ratio, Row, at_most, context
from rnnbench.cells import fast_path, plan
from rnnbench.cells.core import recurrent
from rnnbench.cells.estimate import count
from rnnbench.cells.layers import Layers
from rnnbench.probes.speed.peak_memory import peak_of_training
from tests.cells.small_cells import CELLS

T, B, D = 100, 50, 2
TARGETS = {
    "lstm": {32: 1.3, 128: 1.0},
    "gru": {32: 1.0, 128: 1.0},
    "mgu": {32: 1.6, 128: 1.6},
    "peephole-lstm": {32: 1.6, 128: 1.6},
    "layer-norm-lstm": {32: 1.6, 128: 1.6},
    "indrnn": {32: 1.6, 128: 1.6},
}
"""Time of a training step relative to the fused layer of the same size, at most, by H."""
MEMORY = 1.3
"""Peak memory of a training step relative to the plain loop's, at most."""
ROUNDS = 15

_START_UP = """
import time
began = time.perf_counter()
import torch
torch.set_num_threads(1)
from rnnbench.cells.core import recurrent
from tests.cells.small_cells import LSTM
core = recurrent(LSTM)(2, 32)
x = torch.randn(50, 100, 2)
began = time.perf_counter()
line = core.prepare(x, None)
assert line == "compiled step", line
print(time.perf_counter() - began, time.process_time())
"""


class _Training:
    """A training step of a recurrent module with a linear readout."""

    def __init__(self, core: nn.Module, hidden_size: int) -> None:
        self.core = core
        self.x = torch.randn(B, T, D)
        self.readout = nn.Linear(hidden_size, 1)
        parameters = [*core.parameters(), *self.readout.parameters()]
        self.optimizer = torch.optim.Adam(parameters, 0.0, fused=True)

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        loss = (self.readout(self.core(self.x)[0]) - 1).square().mean()
        loss.backward()
        self.optimizer.step()


def rows(quick: bool) -> list[Row]:
    """Measure with one thread. Times are processor times, which other processes disturb less."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = []
    for hidden_size in (32, 128):
        for name in CELLS:
            found += _rows_of(name, hidden_size, 3 if quick else ROUNDS)
    return [*found, *_start_up()]


def _rows_of(name: str, hidden_size: int, rounds: int) -> list[Row]:
    usual = "GRU" if name in ("gru", "mgu") else "LSTM"
    fused = getattr(nn, usual)(D, hidden_size, batch_first=True)
    x = torch.randn(B, T, D)
    cores: dict[str, Layers] = {}
    for kind in ("plain loop", "not compiled", "compiled"):
        core_class: Any = recurrent(CELLS[name])
        core = core_class(D, hidden_size)
        if kind == "plain loop":
            core.impl = "reference"
        elif kind == "compiled":
            core.prepare(x, None)
        else:
            with _without_compiler():
                core.prepare(x, None)
        cores[kind] = core
    steps = {kind: _Training(core, hidden_size) for kind, core in cores.items()}
    times = _in_turn({"fused": _Training(fused, hidden_size), **steps}, rounds)
    found = []
    for kind in steps:
        ratio = Ratio(list(zip(times[kind], times["fused"], strict=True)))
        title = f"{name}, {kind}, H={hidden_size}, against nn.{usual}"
        note = f"{ratio.note}; {1e3 * median(times[kind]):.2f} ms"
        if kind == "compiled":
            found.append(at_most(title, TARGETS[name][hidden_size], ratio.median, "x", note))
            continue
        if kind == "plain loop":
            projected = cores[kind].layers[0].project(x)  # type: ignore[operator]
            layer: Any = cores[kind].layers[0]
            counts = count(layer, projected[:, 0], layer.initial_state(projected[:, 0]))
            note += f", {1e3 * T * counts.plain_seconds:.2f} ms estimated"
        found.append(context(title, ratio.median, "x", note))
    memory = {
        # a copy has no memory yet, and in its second step the optimizer has its state
        kind: peak_of_training(_twice(_Training(copy.deepcopy(cores[kind]), hidden_size)))
        for kind in ("plain loop", "compiled")
    }
    found.append(
        at_most(
            f"{name}, H={hidden_size}, peak memory against the plain loop",
            MEMORY,
            memory["compiled"] / memory["plain loop"],
            "x",
            f"{memory['compiled'] / 2**20:.1f} and {memory['plain loop'] / 2**20:.1f} MiB",
        )
    )
    return found


def _twice(step: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        step()
        step()

    return run


def _in_turn(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Return the processor seconds of each call in each round."""
    for call in calls.values():
        call()
        call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.process_time()
            call()
            found[name].append(time.process_time() - began)
    return found


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Make plans whose graphs torch runs operation by operation."""
    patched: list[tuple[Any, str, Any]] = [
        (plan, "compile_graph", plan.interpret),
        (fast_path, "decompositions", lambda: None),
    ]
    kept = [getattr(module, name) for module, name, _ in patched]
    for module, name, value in patched:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(patched, kept, strict=True):
            setattr(module, name, value)


def _start_up() -> list[Row]:
    """Measure the preparation of an LSTM in fresh processes, without and with its cache."""
    found = []
    root = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "TORCHINDUCTOR_CACHE_DIR": folder,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": root,
        }
        for kind in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", _START_UP],
                env=environment,
                cwd=root,
                capture_output=True,
                text=True,
                check=True,
            )
            seconds, processor = map(float, done.stdout.split())
            note = f"import of the compiler included; {processor:.1f} s of processor time in all"
            found.append(context(f"start-up of a compiled LSTM, {kind} cache", seconds, "s", note))
    return found
