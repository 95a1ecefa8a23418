"""Speed and memory of every model against the length of the sequence.

    python -m benchmarks.lengths --write reports/speed-by-length

Each model is timed in a process of its own, in turn with an LSTM of the same hidden size, on one
thread. The result of each is kept as soon as it is there; the same command goes on after an
interruption. Wants a quiet machine for half an hour.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.lengths_page import write_page
from benchmarks.results import load_now

LENGTHS = (64, 256, 1024)
COMPARATOR = "lstm"
WIDTH, HIDDEN, BATCH = 8, 64, 8
BUDGET_SECONDS = 30.0
"""Time for one model; what does not fit is left out, longest sequences first."""


def main() -> None:
    """Time the models that the folder does not hold yet, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lengths", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FOLDER", required=True)
    parser.add_argument("--models", nargs="*", metavar="NAME", help="default: all of rnnbench")
    parser.add_argument("--seconds", type=float, default=BUDGET_SECONDS, help="for each model")
    parser.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        _measured(given.one, given.seconds).to_csv(sys.stdout, index=False)
        return
    given.write.mkdir(parents=True, exist_ok=True)
    table = given.write / "lengths.csv"
    done = pd.read_csv(table) if table.exists() else pd.DataFrame()
    for name in given.models or _own_models():
        if not done.empty and name in set(done["model"]):
            continue
        print(f"{name}, load average {load_now()}", file=sys.stderr, flush=True)
        command = ["-m", "benchmarks.lengths", "--write", str(given.write), "--one", name]
        finished = subprocess.run(
            [sys.executable, *command, "--seconds", str(given.seconds)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        table.write_text(
            (table.read_text() if table.exists() else "")
            + "\n".join(finished.stdout.splitlines()[1 if table.exists() else 0 :])
            + "\n"
        )
        done = pd.read_csv(table)
    write_page(done, given.write, f"python -m benchmarks.lengths {shlex.join(sys.argv[1:])}")


def _own_models() -> list[str]:
    from rnnbench.contract import registry

    models = registry.load().models.values()
    return sorted(each.name for each in models if each.provider.distribution == "rnnbench")


def _measured(name: str, seconds: float) -> pd.DataFrame:
    """Return one row for each mode and length of a model."""
    import torch

    from rnnbench.contract import registry
    from rnnbench.contract.task import Vectors
    from rnnbench.probes.speed.paired_timing import time_interleaved
    from rnnbench.probes.speed.peak_memory import peak_memory
    from rnnbench.probes.speed.workloads import random_batch
    from rnnbench.training.network import Network
    from rnnbench.training.preparation import prepare

    torch.set_num_threads(1)
    cpu = torch.device("cpu")
    models = registry.load().models

    def network(of: str) -> Network:
        torch.manual_seed(0)
        model = models[of]
        built = Network(
            lambda width: model.build(width, HIDDEN, {}),
            hidden_size=HIDDEN,
            inputs=Vectors(WIDTH),
            outputs=Vectors(WIDTH),
            steps="every",
            causal=model.causal,
        )
        # a cell compiles its step, as before every measurement of speed
        prepare(built, random_batch(built, LENGTHS[0], BATCH, cpu).inputs, None)
        return built

    subject, comparator = network(name), network(COMPARATOR)
    timed = time_interleaved(
        subject,
        comparator,
        lengths=LENGTHS,
        batch_size=BATCH,
        device=cpu,
        repeats=7,
        budget_seconds=seconds,
    )
    memory = {
        length: peak_memory(subject, length, BATCH, cpu)
        for length in sorted({each.length for each in timed.timings if each.mode == "train"})
    }
    rows = []
    for each in timed.timings:
        ratios = pd.Series(each.ratios)
        rows.append(
            {
                "model": name,
                "family": models[name].family,
                "mode": each.mode,
                "length": each.length,
                "seconds": float(pd.Series(each.seconds).median()),
                "ratio": float(ratios.median()),
                "ratio_low": float(ratios.quantile(0.25)),
                "ratio_high": float(ratios.quantile(0.75)),
                "peak_bytes": memory[each.length] if each.mode == "train" else None,
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
