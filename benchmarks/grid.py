"""Five models with three seeds each: ``rnnbench run`` against one bare process.

The sizes are those of the quick preset of copy-memory, which ``make demo`` runs.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bare_grid import (
    BATCH_SIZE,
    HIDDEN_SIZE,
    LENGTH,
    MODELS,
    SEEDS,
    TEST_SIZE,
    VALIDATION_SIZE,
)
from benchmarks.commands import children_seconds, python, rnnbench
from benchmarks.rows import NOISY, Ratio, Row, at_least

LIMIT = 1.8
STEPS = 2000
PAIRS = 2
PATIENCE = 2.5
"""Limit of the run with default threads, as a multiple of the run with one thread.

On busy cores, two threads that synchronise at every step of a small network may take a thousand
times as long.
"""


def rows(quick: bool) -> list[Row]:
    """Measure in turn the bare process with one thread and rnnbench, then with default threads."""
    steps, pairs = (100, 1) if quick else (STEPS, PAIRS)
    start = children_seconds()
    in_turn = Ratio(
        [(_seconds(lambda: _bare(steps, 1)), _seconds(lambda: _grid(steps))) for _ in range(pairs)]
    )
    processor = children_seconds() - start
    alone, together = in_turn.pairs[-1]
    ended = ""
    try:
        default = _seconds(lambda: _bare(steps, None, limit=PATIENCE * alone))
    except subprocess.TimeoutExpired:
        default, ended = PATIENCE * alone, "; ended there, so at least that"
    size = f"{len(MODELS)} models x {SEEDS} seeds x {steps} steps, 2 at a time"
    scatter = max(in_turn.each) - min(in_turn.each)
    noisy = "; noisy" if scatter > NOISY * in_turn.median else ""
    lasted = ", ".join(f"{b:.0f} s for {a:.0f} s" for a, b in in_turn.pairs)
    note = (
        f"start-up, storage and report included; {lasted}; "
        f"{processor:.0f} s of processor time in all{noisy}"
    )
    return [
        at_least(f"{size}, against one thread in turn", LIMIT, in_turn.median, "x", note),
        at_least(
            f"{size}, against default threads in turn",
            LIMIT,
            default / together,
            "x",
            f"{together:.0f} s for {default:.0f} s{ended}",
        ),
    ]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _bare(steps: int, threads: int | None, limit: float | None = None) -> None:
    python("-m", "benchmarks.bare_grid", str(steps), threads=threads, limit=limit)


def _grid(steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rnnbench(
            *("run", "--task", f"copy-memory[delay={LENGTH - 10},symbols=5]"),
            *("--model", ",".join(MODELS), "--seeds", str(SEEDS), "--steps", str(steps)),
            *("--hidden-size", str(HIDDEN_SIZE), "--batch-size", str(BATCH_SIZE)),
            *("--validation-size", str(VALIDATION_SIZE), "--test-size", str(TEST_SIZE)),
            *("--jobs", "2", "--no-probes", "--store", str(Path(folder) / "grid.db")),
            *("--report", str(Path(folder) / "report")),
        )
