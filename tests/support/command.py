"""Run the command line in a process, marked so that processes it leaves behind are found."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from rnnbench.execution.lock import FOLDER_VARIABLE

MARK = "RNNBENCH_TEST_MARK"
SMALL = [
    "--batch-size",
    "4",
    "--validation-size",
    "8",
    "--test-size",
    "8",
    "--hidden-size",
    "4",
    "--no-probes",
    "--no-report",
]


class Command:
    """``rnnbench run`` on the instant task, in the background.

    Attributes:
        process: the driver.
        mark: what its environment and that of all its descendants carries.
    """

    def __init__(
        self, shelf: Path, store: Path, *arguments: str, prefix: tuple[str, ...] = ()
    ) -> None:
        self.mark = uuid.uuid4().hex
        self._store = store
        environment = {
            **os.environ,
            "PYTHONPATH": str(shelf),
            FOLDER_VARIABLE: str(store.parent / "locks"),
            MARK: self.mark,
        }
        command = [
            *prefix,
            sys.executable,
            "-m",
            "rnnbench",
            "run",
            "--task",
            "instant",
            *SMALL,
            "--store",
            str(store),
        ]
        self.process = subprocess.Popen(
            [*command, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, seconds: float = 240) -> tuple[int, str, str]:
        """Wait for the end; return exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err

    def survivors(self) -> list[str]:
        """Return the command lines of the processes that descend from it and still live."""
        return marked(self.mark)

    def claimed(self) -> int:
        """Return how many trials run now."""
        return len(query(self._store, "SELECT trial_id FROM claims"))


def marked(mark: str) -> list[str]:
    """Return the command lines of the living processes whose environment carries the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline())[:200])
    return found


def query(store: Path, statement: str) -> list[tuple[object, ...]]:
    """Return the rows of a store; none while it is being made."""
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(store, timeout=10)) as connection,
    ):
        return connection.execute(statement).fetchall()
    return []


def attempts(store: Path) -> list[tuple[object, ...]]:
    """Return (trial, attempt, status) of every attempt."""
    return query(store, "SELECT trial_id, attempt, status FROM attempts")


def wait_until(happened: Callable[[], object], seconds: float) -> float:
    """Wait until something has happened; return the seconds, and fail after too many."""
    started = time.monotonic()
    while not happened():
        assert time.monotonic() - started < seconds, f"nothing after {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started


@contextlib.contextmanager
def running(shelf: Path, store: Path, *arguments: str) -> Iterator[Command]:
    """Start a command; end it with the block."""
    command = Command(shelf, store, *arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
        command.process.communicate()
