"""Tasks as a user gets them: by name, through the registry, options checked."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from rnnbench.contract import options, registry
from rnnbench.contract.entries import RegisteredTask

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
"""Real data beside the checkout, where there is any."""


@cache
def loaded() -> registry.Registry:
    return registry.load()


def built_in() -> dict[str, RegisteredTask]:
    """The tasks that rnnbench brings itself."""
    return {
        name: task
        for name, task in loaded().tasks.items()
        if task.provider.distribution == "rnnbench"
    }


def build(name: str, **given: Any) -> Any:
    """Build a task from options as typed or as values; ``Any``, since each task has attributes of
    its own.
    """
    task = loaded().task(name)
    return task.build(options.resolve(f"task {name!r}", task.options, given))


def helper(module: str) -> Any:
    """Return a module that tasks share, e.g. ``_words``, the same copy that the tasks use."""
    return importlib.import_module(f"rnnbench.tasks.{module}")


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a data file and return its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
