"""Create a plugin project (module, packaging, a test of the contract, a README), or a suite."""

from __future__ import annotations

import shlex
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

from rnnbench.contract.collector import check_name
from rnnbench.contract.registry import ENTRY_POINT_GROUP
from rnnbench.errors import OutputError, PluginError, UsageError, one_line
from rnnbench.files import replacing

_SUFFIX = ".template"
"""Hides the templates from linters and test collectors."""
_SUFFIXES = {"model": "Core", "cell": "Cell", "task": "Task"}
"""The last word of the class in a new project."""


def new_model(name: str, folder: str | Path | None = None) -> Path:
    """Create an installable plugin project with one small architecture that passes its own tests.

    Args:
        name: the name of the model: lower-case letters, digits and single hyphens, starting with a
            letter.
        folder: the folder of the project, new or empty; ``None``: ``rnnbench-NAME`` in the current
            folder.

    Returns:
        The folder of the project.

    Raises:
        UsageError: the name is not allowed, or a plugin of that name is installed.
        OutputError: the folder is not empty or cannot be written; nothing is left behind.
    """
    return _new("model", name, folder)


def new_cell(name: str, folder: str | Path | None = None) -> Path:
    """Create a plugin project with one cell, of which rnnbench makes a core; otherwise likewise."""
    return _new("cell", name, folder)


def new_task(name: str, folder: str | Path | None = None) -> Path:
    """Create a plugin project with one small generated task; otherwise as :func:`new_model`."""
    return _new("task", name, folder)


def new_suite(name: str, file: str | Path | None = None) -> Path:
    """Create a suite file with a commented example that runs.

    Args:
        name: the name of the suite: lower-case letters, digits and single hyphens.
        file: the file to create, ending in .yaml or .yml; ``None``: ``NAME.yaml`` in the current
            folder.

    Returns:
        The file.

    Raises:
        UsageError: the name or the ending is not allowed.
        OutputError: the file exists or cannot be written.
    """
    try:
        check_name("suite", name)
    except PluginError as error:
        raise UsageError(str(error)) from None
    target = Path(f"{name}.yaml" if file is None else file)
    if target.suffix not in (".yaml", ".yml"):
        raise UsageError(f"a suite file ends in .yaml or .yml; type {f'{target}.yaml'!r}.")
    source = files("rnnbench.cli").joinpath("templates", "suite", f"suite.yaml{_SUFFIX}")
    words = {"name": name, "file": one_line(shlex.quote(str(target)))}
    text = Template(source.read_text(encoding="utf-8")).substitute(words)
    try:
        if target.is_symlink() or target.exists():
            raise OutputError(f"{target} exists; give another name or remove it.")
        with replacing(target) as draft:
            draft.write_text(text, encoding="utf-8")
    # ValueError: a null character in the path.
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{target} cannot be written: {reason}; give another file.") from None
    return target


def _new(kind: Literal["model", "cell", "task"], name: str, folder: str | Path | None) -> Path:
    try:
        check_name("task" if kind == "task" else "model", name)
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
        "class_name": _class_name(name, _SUFFIXES[kind]),
    }
    _write(_render(kind, words), target)
    return target


def _class_name(name: str, suffix: str) -> str:
    """Return the name in CapWords; the suffix avoids the keywords None, True and False."""
    return "".join(part.capitalize() for part in name.split("-")).removesuffix(suffix) + suffix


def _render(kind: str, words: dict[str, str]) -> dict[str, str]:
    """Return the text of each file of the project."""
    rendered = {}
    for source in files("rnnbench.cli").joinpath("templates", kind).iterdir():
        if source.name.endswith(_SUFFIX):
            name = source.name.removesuffix(_SUFFIX).replace("module.py", f"{words['module']}.py")
            rendered[name] = Template(source.read_text(encoding="utf-8")).substitute(words)
    return rendered


def _write(project: dict[str, str], target: Path) -> None:
    """Write the files of a project; the folder appears with all of them or not at all."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputError(f"{target} exists and is not a folder; give another one.")
    try:
        if target.is_dir() and any(target.iterdir()):
            raise OutputError(f"folder {target} is not empty; give a new one.")
        with replacing(target) as draft:
            draft.mkdir()
            for name, text in project.items():
                (draft / name).write_text(text, encoding="utf-8")
    # ValueError: a null character in the path.
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"folder {target} cannot be written: {reason}; give another one."
        ) from None
