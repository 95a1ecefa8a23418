"""Install real distributions into a folder and run real interpreters that find them there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TIMEOUT = 240


def install(projects: Iterable[Path], shelf: Path, scratch: Path) -> Path:
    """Build copies of the projects with pip, offline, and install them into ``shelf``.

    Returns:
        The folder ``shelf``.
    """
    copies = []
    for project in projects:
        ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*")
        copies.append(str(shutil.copytree(project, scratch / project.name, ignore=ignored)))
    options = [
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--no-compile",
        "--disable-pip-version-check",
    ]
    run_python(["-m", "pip", "install", *options, "--target", str(shelf), *copies])
    return shelf


def environment_with(shelf: Path | None) -> dict[str, str]:
    """Return the environment of an interpreter with the packages in ``shelf`` first."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    if shelf is not None:
        environment["PYTHONPATH"] = str(shelf)
    return environment


def run_python(
    arguments: Iterable[str],
    *,
    shelf: Path | None = None,
    cwd: Path | None = None,
    python: Path | str = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """Run an interpreter with the packages in ``shelf`` first, and assert that it ends with 0."""
    environment = environment_with(shelf)
    command = [str(python), *arguments]
    done = subprocess.run(
        command,
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    )
    return done


def answer(code: str, **where: Any) -> Any:
    """Run ``code`` in a fresh interpreter and return its stdout, parsed as JSON."""
    return json.loads(run_python(["-c", code], **where).stdout)
