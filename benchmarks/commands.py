"""Commands, run in processes as a user runs them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
RNNBENCH = Path(sys.executable).parent / "rnnbench"


def rnnbench(*arguments: str, shelf: Path | None = None) -> str:
    """Run the ``rnnbench`` command, with ``shelf`` on its import path, and return its output."""
    environment = {**os.environ, "PYTHONPATH": str(shelf)} if shelf else dict(os.environ)
    return _output([str(RNNBENCH), *arguments], environment)


def python(*arguments: str, threads: int | None = None, limit: float | None = None) -> str:
    """Run this interpreter in the repository and return its output.

    Args:
        arguments: of the interpreter.
        threads: threads of torch; its default if ``None``.
        limit: wall-clock limit in seconds.

    Raises:
        subprocess.TimeoutExpired: the limit was reached, and the process killed.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")
    }
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    return _output([sys.executable, *arguments], environment, limit)


def children_seconds() -> float:
    """Return the processor time of all descendants of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _output(command: list[str], environment: dict[str, str], limit: float | None = None) -> str:
    done = subprocess.run(
        command,
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(
            f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return done.stdout
