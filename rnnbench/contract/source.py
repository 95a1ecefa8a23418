"""Checksums of the source code that defines a model or a task.

The code of a trial is part of its identity, so that an edited plugin is run again even where its
version is unchanged, as in an editable install. The checksum covers

- for a plugin of a third party: the package (or the module) of the plugin and that of the class or
  function that it registers, with everything below it, and the modules of the same project that
  these import;
- for rnnbench's own: the module and the modules of ``rnnbench.plugins`` and ``rnnbench.tasks`` that
  it imports, without what cannot change a result (:mod:`rnnbench.contract.meaning`); the rest of
  rnnbench is covered by ``records.spec.MEASUREMENT``.

Dependencies that are installed in site-packages belong to the environment, as torch does. Paths,
dates and line endings do not count: the checksum is the same on every machine.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from rnnbench.contract.meaning import meaning, released
from rnnbench.contract.options import unwrapped
from rnnbench.records.spec import OWN_DISTRIBUTION

SUFFIXES = frozenset({".py", ".pyx", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp"})
"""Files that count as source code: Python, and the extensions that torch compiles."""
_OWN_PACKAGES = (f"{OWN_DISTRIBUTION}.plugins", f"{OWN_DISTRIBUTION}.tasks")
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def text_checksum(code: str) -> str:
    """Return ``sha256:...`` of source code."""
    return f"sha256:{hashlib.sha256(_plain(code.encode())).hexdigest()}"


def source_checksum(factory: Callable[..., Any], module: str, distribution: str) -> str:
    """Return ``sha256:...`` of the source code that defines a model or a task.

    Args:
        factory: the registered class or function.
        module: the module of the plugin that registers it.
        distribution: the distribution that the plugin belongs to.

    Returns:
        An empty string if no source is installed.
    """
    target = unwrapped(factory)
    classes = inspect.getmro(target) if inspect.isclass(target) else ()
    roots = [module, getattr(target, "__module__", "") or ""]
    waiting = [*roots, *(each.__module__ for each in classes)]
    scope = _Scope(roots, distribution)
    files: dict[str, Path] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or not scope.covers(name):
            continue
        seen.add(name)
        for label, path in scope.files(name):
            if label not in files:
                files[label] = path
                waiting += _imported(path, label)
    if not files:
        return ""
    total = hashlib.sha256()
    for label in sorted(files):
        total.update(f"{label}\0{_content(files[label]).checksum}\n".encode())
    found = f"sha256:{total.hexdigest()}"
    return released().get(found, found)


class _Scope:
    """The modules whose source counts."""

    def __init__(self, roots: Iterable[str], distribution: str) -> None:
        names = [name for name in roots if name]
        self._tops = {_top(name) for name in names} | _tops_of(distribution)

    def covers(self, name: str) -> bool:
        """Whether the source of a module counts."""
        top = _top(name)
        if top == OWN_DISTRIBUTION:
            return _is_below(name, _OWN_PACKAGES)
        if not top or top in sys.stdlib_module_names or top == "torch":
            return False
        return top in self._tops or _is_local(top)

    def files(self, name: str) -> Iterator[tuple[str, Path]]:
        """Yield the source files of a module, by a name that is the same on every machine."""
        if _top(name) == OWN_DISTRIBUTION:
            if file := _file_of(name):
                yield f"{name.replace('.', '/')}{'/__init__' * _is_init(file)}.py", file
            return
        package = _regular(name)
        file = _file_of(package)
        if file is None:
            return
        place = package.replace(".", "/")
        if not _is_init(file):
            yield f"{place}.py", file
            return
        for folder, folders, names in os.walk(file.parent):
            folders[:] = [each for each in folders if not each.startswith((".", "__pycache__"))]
            for each in names:
                path = Path(folder, each)
                if path.suffix in SUFFIXES:
                    yield f"{place}/{path.relative_to(file.parent).as_posix()}", path


def _regular(name: str) -> str:
    """Return the outermost package of a module that is no namespace package."""
    parts = name.split(".")
    for end in range(1, len(parts)):
        package = ".".join(parts[:end])
        if _file_of(package) is not None:
            return package
    return name


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_below(name: str, packages: Iterable[str]) -> bool:
    return any(name.startswith(f"{package}.") for package in packages)


def _is_init(file: Path) -> bool:
    return file.name == "__init__.py"


def _is_local(top: str) -> bool:
    """Return whether a module is neither installed in site-packages nor compiled."""
    file = _file_of(top)
    return file is not None and not _INSTALLED & set(file.parts)


@cache
def _tops_of(distribution: str) -> frozenset[str]:
    """Return the names of a distribution's modules and packages; of an editable one, none."""
    try:
        listed = metadata.distribution(distribution).files or []
    except (metadata.PackageNotFoundError, ValueError):
        return frozenset()
    return frozenset(
        path.parts[0].removesuffix(".py") for path in listed if path.suffix == ".py" and path.parts
    )


def _file_of(name: str) -> Path | None:
    """Return the Python file of a module, loaded or not."""
    module = sys.modules.get(name)
    try:
        found = getattr(module, "__spec__", None) or importlib.util.find_spec(name)
    # importing the parent package of a name may raise anything
    except Exception:
        return None
    origin = getattr(found, "origin", None)
    return Path(origin) if origin and origin.endswith(".py") else None


def _imported(path: Path, label: str) -> Iterator[str]:
    """Yield the modules that a file imports, and names that may be modules."""
    if path.suffix != ".py":
        return
    name = label.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    package = name if _is_init(path) else name.rpartition(".")[0]
    for level, module, names in _content(path).imports:
        if level:
            try:
                module = importlib.util.resolve_name("." * level + module, package)
            except ImportError:
                continue
        yield module
        yield from (f"{module}.{each}" for each in names)


_Import = tuple[int, str, tuple[str, ...]]
"""Level, module and names of an import."""


@dataclass(frozen=True)
class _Content:
    """SHA-256 of a file, and its imports."""

    checksum: str
    imports: tuple[_Import, ...]


def _content(path: Path) -> _Content:
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4096)
def _read(path: Path, _changed: int, _size: int) -> _Content:
    content = _plain(path.read_bytes())
    counts = meaning(content) if _is_own(path) else content
    return _Content(hashlib.sha256(counts).hexdigest(), tuple(_imports(path, counts)))


@cache
def _own_folders() -> tuple[Path, ...]:
    files = map(_file_of, _OWN_PACKAGES)
    return tuple(file.parent for file in files if file)


def _is_own(path: Path) -> bool:
    return path.suffix == ".py" and any(path.is_relative_to(each) for each in _own_folders())


def _plain(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


_STATEMENT = re.compile(rb"^[ \t]*((?:from|import)[ \t][^\n(]*(?:\([^)]*\))?)", re.MULTILINE)


def _imports(path: Path, content: bytes) -> Iterator[_Import]:
    if path.suffix != ".py":
        return
    # Only the statements that look like imports are parsed: the whole file takes ten times as long.
    for statement in _STATEMENT.findall(content):
        try:
            yield from _parsed(statement)
        except (SyntaxError, ValueError):
            # Either a sentence of a docstring, or a statement that goes on.
            if b"(" in statement or statement.rstrip().endswith(b"\\"):
                with contextlib.suppress(SyntaxError, ValueError):
                    yield from _parsed(content)
                    return


def _parsed(code: bytes) -> Iterator[_Import]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((0, each.name, ()) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(each.name for each in node.names)
