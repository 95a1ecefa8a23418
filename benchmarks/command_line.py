"""Response times of the command line."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.commands import children_seconds, python, rnnbench
from benchmarks.rows import Row, at_most
from rnnbench.records.store import Store
from tests.support.factory import study

ANSWER_LIMIT = 0.25
REPORT_LIMIT = 10.0
RECORDS = 10_000
TASKS = (2, 10)
"""Few tasks, dominated by reading records, and many, dominated by drawing figures."""
MODELS = ("lstm", "gru", "bilstm", "attention-lstm", "rnn")
HEAVY = "pytorch_lightning"


def rows(quick: bool) -> list[Row]:
    """Measure help, version, listings and a large report."""
    times = 5 if quick else 15
    answers = [_answer(argument, times) for argument in ("--help", "--version")]
    reports = [_report(RECORDS // (10 if quick else 1), tasks) for tasks in TASKS]
    return [*answers, *(_imports(command) for command in ("list", "plugins")), *reports]


def _answer(argument: str, times: int) -> Row:
    taken = sorted(_seconds(argument) for _ in range(times))
    note = f"median of {times} runs, {taken[0]:.2f} to {taken[-1]:.2f} s"
    return at_most(f"rnnbench {argument}", ANSWER_LIMIT, median(taken), "s", note)


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    rnnbench(*arguments)
    return time.perf_counter() - started


def _imports(command: str) -> Row:
    """Count Lightning's modules in a process that ran the command; time it and importing torch."""
    code = (
        "import sys; from rnnbench.cli.main import commands; "
        f"commands.main(['{command}'], standalone_mode=False)"
    )
    count = f"print(sum(name.split('.')[0] == '{HEAVY}' for name in sys.modules))"
    modules = int(python("-c", f"{code}; {count}").splitlines()[-1])
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    torch_alone = time.perf_counter() - started
    note = f"the command {_seconds(command):.1f} s, import torch alone {torch_alone:.1f} s"
    return at_most(
        f"modules of Lightning that rnnbench {command} imports", 0, modules, "modules", note
    )


def _report(count: int, tasks: int) -> Row:
    memory = Path("/dev/shm")  # the time of the disk is not measured
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        store = Path(folder) / "large.db"
        names = [f"task-{number}" for number in range(tasks)]
        records = study(tasks=names, models=MODELS, seeds=count // (tasks * len(MODELS)))
        with Store(store) as opened:
            for record in records:
                opened.add(
                    record.spec, record.result, started_at=record.started_at, seconds=record.seconds
                )
                if record.speed is not None and record.spec.seed == 0:
                    opened.add_speed(record.spec, record.speed, record.started_at)
        before = children_seconds()
        seconds = _seconds(
            "report", "--store", str(store), "--output", str(Path(folder) / "report")
        )
        processor = children_seconds() - before
    note = (
        f"{len(MODELS)} models; curves of 20 points, profiles of 40 lags; "
        f"{processor:.1f} s of processor time"
    )
    return at_most(
        f"rnnbench report over {len(records)} records of {tasks} tasks",
        REPORT_LIMIT,
        seconds,
        "s",
        note,
    )
