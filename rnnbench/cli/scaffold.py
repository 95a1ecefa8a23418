"""Write a new plugin project: a module, its packaging, a test that runs the contract, a README."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

from rnnbench.contract.collector import check_name
from rnnbench.contract.registry import ENTRY_POINT_GROUP
from rnnbench.errors import OutputError, PluginError, UsageError, one_line

_SUFFIX = ".template"
"""Keeps linters and test collectors off the templates."""


def new_model(name: str, folder: str | Path | None = None) -> Path:
    """Write an installable plugin project with one small architecture, which passes its own tests
    as it is.

    Args:
        name: what the model will be called: lower-case letters, digits and single hyphens, starting
            with a letter.
        folder: the project's own folder, new or empty; ``rnnbench-NAME`` in the current folder when
            ``None``.

    Returns:
        The project's folder.

    Raises:
        UsageError: the name is not allowed, or a plugin of that name is installed.
        OutputError: the folder is not empty or cannot be written; nothing is left behind.
    """
    return _new("model", name, folder)


def new_task(name: str, folder: str | Path | None = None) -> Path:
    """Write an installable plugin project with one small generated task; arguments and errors as
    :func:`new_model`.
    """
    return _new("task", name, folder)


def _new(kind: Literal["model", "task"], name: str, folder: str | Path | None) -> Path:
    try:
        check_name(kind, name)
    except PluginError as error:
        raise UsageError(str(error)) from None
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        provider = (
            f"{point.dist.name} {point.dist.version}" if point.dist else "another distribution"
        )
        raise UsageError(
            f"a plugin called {name!r} is installed already ({provider}); choose another name."
        )
    target = Path(f"rnnbench-{name}" if folder is None else folder)
    words = {
        "name": name,
        "distribution": f"rnnbench-{name}",
        "module": f"rnnbench_{name.replace('-', '_')}",
        "class_name": _class_name(name, "Core" if kind == "model" else "Task"),
    }
    _write_whole(_render(kind, words), target)
    return target


def _class_name(name: str, suffix: str) -> str:
    """Return the name in capitals, with a suffix that keeps clear of Python's keywords (none, true,
    false).
    """
    return "".join(part.capitalize() for part in name.split("-")).removesuffix(suffix) + suffix


def _render(kind: str, words: dict[str, str]) -> dict[str, str]:
    """Return the project's files: text by file name."""
    rendered = {}
    for source in files("rnnbench.cli").joinpath("templates", kind).iterdir():
        if source.name.endswith(_SUFFIX):
            name = source.name.removesuffix(_SUFFIX).replace("module.py", f"{words['module']}.py")
            rendered[name] = Template(source.read_text(encoding="utf-8")).substitute(words)
    return rendered


def _write_whole(project: dict[str, str], target: Path) -> None:
    """Write the files beside the target and move them there at once, so that no half project is
    ever seen.
    """
    shown = one_line(target, 200)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputError(f"{shown} exists and is no folder; give another one.")
    try:
        if target.is_dir() and any(target.iterdir()):
            raise OutputError(f"folder {shown} is not empty; give a new one.")
        with tempfile.TemporaryDirectory(
            dir=target.absolute().parent, prefix=".rnnbench-new-"
        ) as scratch:
            draft = Path(scratch) / "project"
            draft.mkdir()
            for name, text in project.items():
                (draft / name).write_text(text, encoding="utf-8")
            _move(draft, target)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"folder {shown} cannot be written: {one_line(reason, 200)}; give another one."
        ) from None


def _move(draft: Path, target: Path) -> None:
    if os.name == "nt" and target.is_dir():
        target.rmdir()  # there, a folder cannot be renamed onto an empty one
    draft.replace(target)
