"""Build tasks as for a user: by name, through the registry, with checked options."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from rnnbench.contract import options, registry
from rnnbench.contract.entries import RegisteredTask

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
"""Folder of real data next to the checkout, if there is one."""


@cache
def loaded() -> registry.Registry:
    return registry.load()


def built_in() -> dict[str, RegisteredTask]:
    """The built-in tasks."""
    return {
        name: task
        for name, task in loaded().tasks.items()
        if task.provider.distribution == "rnnbench"
    }


def build(name: str, **given: Any) -> Any:
    """Build a task from options, as typed or as values.

    The result is ``Any``, because the tasks have different attributes.
    """
    task = loaded().task(name)
    return task.build(options.resolve(f"task {name!r}", task.options, given))


def helper(module: str) -> Any:
    """Return a private module of the tasks, e.g. ``text._words``, as the tasks import it."""
    return importlib.import_module(f"rnnbench.tasks.{module}")


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a data file and return its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
