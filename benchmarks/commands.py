"""Commands run as a user runs them, in processes of their own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
RNNBENCH = Path(sys.executable).parent / "rnnbench"


def rnnbench(*arguments: str, shelf: Path | None = None) -> str:
    """Run the ``rnnbench`` command and return what it printed; what lies on the ``shelf`` can be
    imported.
    """
    environment = {**os.environ, "PYTHONPATH": str(shelf)} if shelf else dict(os.environ)
    return _output([str(RNNBENCH), *arguments], environment)


def python(*arguments: str, threads: int | None = None, limit: float | None = None) -> str:
    """Run this interpreter in the repository and return what it printed; torch has ``threads``, or
    as many as it likes.

    Raises :class:`subprocess.TimeoutExpired` when it took longer than ``limit`` seconds; it was
    ended then.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")
    }
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    return _output([sys.executable, *arguments], environment, limit)


def children_seconds() -> float:
    """Return the processor time of all that was run from here and has ended, with what it ran in
    turn.
    """
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
