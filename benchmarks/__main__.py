"""Measure and print the speed targets: ``python -m benchmarks`` in the root of the repository."""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from pathlib import Path

from benchmarks import (
    batches,
    cells,
    command_line,
    empty_trials,
    gpu,
    grid,
    linear_recurrences,
    profiles,
    results,
    steps,
    tracked_gradients,
)

BENCHMARKS = {
    "steps": steps.rows,
    "empty-trials": empty_trials.rows,
    "grid": grid.rows,
    "batches": batches.rows,
    "cells": cells.rows,
    "profiles": profiles.rows,
    "tracked-gradients": tracked_gradients.rows,
    "linear-recurrences": linear_recurrences.rows,
    "command-line": command_line.rows,
    "gpu": gpu.rows,
}


def main() -> None:
    """Run the selected benchmarks in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of the work, as a check; its figures mean nothing",
    )
    parser.add_argument(
        "--only", action="append", choices=BENCHMARKS, help="one benchmark; repeats"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="keep the results as CSV and Markdown"
    )
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")
    rows, load = [], []
    for name in given.only or BENCHMARKS:
        load.append(results.load_now())
        print(f"{name}, load average {load[-1]}", file=sys.stderr, flush=True)
        rows += BENCHMARKS[name](given.quick)
        # After each, so that a later failure loses nothing.
        if given.write:
            results.write(
                rows, given.write, f"python -m benchmarks {shlex.join(sys.argv[1:])}", load
            )
    results.show(rows)


if __name__ == "__main__":
    main()
