"""Results as a table on the screen and as two files."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row
from rnnbench.execution.environment import describe

WIDTH = 150


def verdict(row: Row) -> str:
    """Return ``met`` or ``missed``; empty without a target."""
    return "" if row.passed is None else "met" if row.passed else "missed"


def figure(row: Row) -> str:
    """Return the measurement with its unit."""
    return "-" if row.measured is None else f"{row.measured:.4g} {row.unit}"


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table("what", "target", "measured", "", "how")
    for row in rows:
        table.add_row(row.name, row.target, figure(row), verdict(row), row.note)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


def write(rows: Sequence[Row], folder: Path, command: str, load: Sequence[str]) -> None:
    """Write ``results.csv`` and ``results.md``, the latter with the environment and the command."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    (folder / "results.md").write_text(_markdown(rows, command, load))


def load_now() -> str:
    """Return the machine's load average over one minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _markdown(rows: Sequence[Row], command: str, load: Sequence[str]) -> str:
    environment = describe(torch.device("cpu"))
    facts = {
        "command": f"`{command}`",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{environment.processor}, {environment.cores} cores",
        "memory": f"{environment.memory_bytes / 2**30:.0f} GiB",
        "platform": environment.platform,
        "versions": f"Python {environment.python_version}, torch {environment.torch_version}, "
        f"pytorch-lightning {environment.lightning_version}, "
        f"rnnbench {environment.rnnbench_version}",
        "load average before each benchmark": ", ".join(load),
    }
    lines = ["# Speed of the engine: targets and measurements", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "| what | target | measured | | how |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.target} | {figure(row)} | {verdict(row)} | {row.note} |"
        for row in rows
    ]
    lines += [
        "",
        "How each is measured, and why: [docs/performance.md](../../docs/performance.md).",
        "",
    ]
    return "\n".join(lines)
