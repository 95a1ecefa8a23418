"""The cost of starting, isolating and recording a trial, from a thousand almost empty ones."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from benchmarks.commands import children_seconds, rnnbench
from benchmarks.rows import Row, at_most
from tests.support.installing import install

TRIALS = 1000
LIMIT = 40.0
FAULTS = Path(__file__).parents[1] / "tests" / "execution" / "faults"


def rows(quick: bool) -> list[Row]:
    """Run them from the command line, each in its own process and with its own record."""
    trials = TRIALS // (10 if quick else 1)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        shelf = install([FAULTS], scratch / "shelf", scratch / "source")
        store = scratch / "empty.db"
        used, started = children_seconds(), time.perf_counter()
        rnnbench(
            *("run", "--task", "instant", "--model", "good", "--seeds", str(trials)),
            *("--hidden-size", "4", "--steps", "1", "--validation-size", "10", "--test-size", "10"),
            *("--jobs", "2", "--no-probes", "--no-report", "--store", str(store)),
            shelf=shelf,
        )
        seconds, used = time.perf_counter() - started, children_seconds() - used
        connection = sqlite3.connect(store)
        (done,) = connection.execute(
            "SELECT COUNT(*) FROM attempts WHERE status = 'done'"
        ).fetchone()
        connection.close()
    assert done == trials, f"{done} of {trials} trials were recorded as done"
    note = (
        f"{trials} trials, 2 at a time, all recorded as done; start-up included; "
        f"{used:.0f} s of processor time"
    )
    return [at_most(f"{trials} empty trials", LIMIT * trials / TRIALS, seconds, "s", note)]
