"""Who may import whom. Data flows one way, the harness knows no plugin by name, and plugins use what is public."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import rnnbench
from rnnbench import hookspecs
from tests.installing import answer

ROOT = Path(__file__).parents[1]
HARNESS = sorted((ROOT / "rnnbench").rglob("*.py"))
BUILT_IN = sorted([*(ROOT / "plugins").glob("*.py"), *(ROOT / "tasks").glob("*.py")])

FOUNDATION = {"errors", "records", "types", "options", "hookspecs", "environment"}
MEASURING = {
    "network",
    "metrics",
    "training",
    "stepping",
    "carrying",
    "evaluation",
    "data",
    "randomness",
    "accelerator",
    "probes",
}
PLUGGING = {"registered", "registration", "registry"}
PLANNING = {"selection", "plan", "suites"}
READING = {"stats", "across_tasks", "columns", "table", "summary", "verdict", "wording", "compare", "claims", "report"}
MAY_IMPORT = {
    **dict.fromkeys(FOUNDATION, FOUNDATION),
    **dict.fromkeys(MEASURING, MEASURING | FOUNDATION),
    **dict.fromkeys(PLUGGING, PLUGGING | FOUNDATION),
    **dict.fromkeys(PLANNING, PLANNING | PLUGGING | FOUNDATION),
    **dict.fromkeys(READING, READING | {"errors", "records"}),
    "store": {"store", "schema", "errors", "records"},
    "schema": {"schema", "errors"},
    "execution": {"execution", "store"} | MEASURING | PLUGGING | FOUNDATION,
    "testing": {"testing"} | MEASURING | PLUGGING | FOUNDATION,
    "scaffold": PLUGGING | FOUNDATION,
}
"""By unit, the top-level module or package of rnnbench; units not named here sit on top and may import any but ``cli``."""

PUBLIC = {"rnnbench", "rnnbench.types", "rnnbench.errors", "rnnbench.metrics", "rnnbench.records", "rnnbench.hookspecs"}
HEAVY = {"torch", "pytorch_lightning", "lightning", "torchmetrics", "pandas", "matplotlib", "seaborn", "scipy"}


@dataclass(frozen=True)
class Import:
    """One imported module, and the name taken from it where there is one."""

    module: str
    name: str | None
    line: int
    level: int
    at_run_time: bool
    """Whether it is outside ``if TYPE_CHECKING``."""
    at_module_level: bool


def imports_of(path: Path) -> list[Import]:
    return list(_walk(ast.parse(path.read_text(encoding="utf-8")), at_run_time=True, at_module_level=True))


def _walk(node: ast.AST, *, at_run_time: bool, at_module_level: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = at_module_level and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        running = at_run_time and not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, None, child.lineno, 0, running, inside)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(child.module or "", alias.name, child.lineno, child.level, running, inside)
        else:
            yield from _walk(child, at_run_time=running, at_module_level=inside)


def test_imports_are_found_wherever_they_are(tmp_path: Path) -> None:
    code = """
import a.b, c
from typing import TYPE_CHECKING
from . import sibling
if TYPE_CHECKING:
    import torch
class Somewhere:
    def inside(self):
        from rnnbench import store, run
"""
    (tmp_path / "module.py").write_text(code)
    found = {(one.module, one.name): one for one in imports_of(tmp_path / "module.py")}
    assert set(found) == {("a.b", None), ("c", None), ("typing", "TYPE_CHECKING"), ("", "sibling"), ("torch", None),
                          ("rnnbench", "store"), ("rnnbench", "run")}  # fmt: skip
    assert not found["torch", None].at_run_time
    assert found["", "sibling"].level == 1
    assert not found["rnnbench", "store"].at_module_level
    assert found["rnnbench", "store"].at_run_time
    assert imported_units(found["rnnbench", "store"]) == {"store"}
    assert imported_units(found["rnnbench", "run"]) == set()


def unit_of(path: Path) -> str:
    return path.relative_to(ROOT / "rnnbench").parts[0].removesuffix(".py")


def imported_units(found: Import) -> set[str]:
    """Return the units of rnnbench that an import reaches."""
    parts = found.module.split(".")
    if parts[0] != "rnnbench":
        return set()
    if len(parts) > 1:
        return {parts[1]}
    is_unit = found.name is not None and any((ROOT / "rnnbench" / name).exists() for name in (f"{found.name}.py", found.name))
    return {found.name} if is_unit and found.name is not None else set()


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_harness_imports_no_plugin_and_no_task_by_name(path: Path) -> None:
    for found in imports_of(path):
        assert found.module.split(".")[0] not in ("plugins", "tasks"), f"line {found.line}"
        assert not imported_units(found) & {"plugins", "tasks"}, f"line {found.line}"
        assert found.level == 0, f"line {found.line}: write absolute imports in rnnbench/"


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_data_flow_one_way(path: Path) -> None:
    unit = unit_of(path)
    for found in imports_of(path):
        reached = imported_units(found)
        allowed = MAY_IMPORT.get(unit)
        if allowed is not None:
            assert reached <= allowed, f"line {found.line}: {unit} must not import {reached - allowed}"
        if unit not in ("cli", "__main__"):
            assert "cli" not in reached, f"line {found.line}"


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: str(path.relative_to(ROOT)))
def test_built_in_plugins_import_what_is_public_and_their_siblings(path: Path) -> None:
    for found in imports_of(path):
        where = f"line {found.line}"
        if found.level:
            assert found.level == 1, f"{where}: only siblings may be imported relatively"
        elif found.module.split(".")[0] == "rnnbench":
            assert found.module in PUBLIC, f"{where}: {found.module} is not public"
            if found.module == "rnnbench":
                assert found.name is None or found.name in rnnbench.__all__, f"{where}: rnnbench.{found.name} is not public"
            if found.module == "rnnbench.records":
                assert found.name in ("Drawing", "LineDrawing", "HeatmapDrawing"), f"{where}: only drawings are for plugins"
        else:
            assert found.module.split(".")[0] not in ("plugins", "tasks", "tests"), where


@pytest.mark.parametrize(
    "path", [path for path in HARNESS if unit_of(path) in READING], ids=lambda path: str(path.relative_to(ROOT))
)
def test_what_reads_records_never_imports_torch(path: Path) -> None:
    imported = {found.module.split(".")[0] for found in imports_of(path) if found.at_run_time}
    assert not imported & {"torch", "pytorch_lightning", "lightning", "torchmetrics"}


@pytest.mark.parametrize("path", [path for path in HARNESS if unit_of(path) == "cli"], ids=lambda path: path.name)
def test_the_command_line_imports_nothing_heavy_at_module_level(path: Path) -> None:
    imported = {found.module.split(".")[0] for found in imports_of(path) if found.at_run_time and found.at_module_level}
    assert not imported & HEAVY


def test_importing_is_light() -> None:
    """What was said of single files holds for all that they import in turn."""
    reading = sorted({unit for unit in map(unit_of, HARNESS) if unit in READING})
    code = f"""
import json, sys
heavy = {sorted(HEAVY)!r}
def now(): return [name for name in heavy if name in sys.modules]
import rnnbench, rnnbench.registry, rnnbench.scaffold; seen = {{"rnnbench": now()}}
import rnnbench.cli; seen["cli"] = now()
import rnnbench.execution.run, rnnbench.progress, rnnbench.store; seen["driver"] = now()
for name in {reading!r}: __import__("rnnbench." + name)
seen["reading"] = [name for name in now() if "torch" in name or "lightning" in name]
print(json.dumps(seen))
"""
    assert answer(code) == {"rnnbench": [], "cli": [], "driver": [], "reading": []}


def test_every_public_name_can_be_imported() -> None:
    for name in rnnbench.__all__:
        assert getattr(rnnbench, name) is not None
    with pytest.raises(AttributeError, match="module 'rnnbench' has no attribute 'nothing'"):
        importlib.import_module("rnnbench").nothing  # noqa: B018


HOOKS = sorted(name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.NAMESPACE}_spec"))


def test_there_are_hooks() -> None:
    assert HOOKS == ["register_models", "register_tasks"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_and_tested(hook: str) -> None:
    assert inspect.getdoc(getattr(hookspecs, hook))
    assert f"`{hook}`" in (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    projects = [path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "distributions").rglob("*.py")]
    assert any(f"def {hook}(" in text for text in projects)


@pytest.mark.parametrize("protocol", [rnnbench.RegisterModel, rnnbench.RegisterTask])
def test_every_argument_of_a_register_call_is_documented(protocol: type) -> None:
    arguments = set(inspect.signature(protocol.__call__).parameters) - {"self"}
    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert {name for name in arguments if f"`{name}`" not in guide} == set()
