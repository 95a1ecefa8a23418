"""Rules of imports that import-linter does not cover, and documentation of the public API."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

import rnnbench
from rnnbench.contract import hookspecs, registry
from tests.support.installing import answer

ROOT = Path(__file__).parents[1]
BUILT_IN = sorted(
    path for folder in ("plugins", "tasks", "textbook") for path in (ROOT / folder).rglob("*.py")
)

PUBLIC = {"rnnbench", "rnnbench.claims", "rnnbench.errors", "rnnbench.metrics"}
HEAVY = {
    "torch",
    "pytorch_lightning",
    "lightning",
    "torchmetrics",
    "pandas",
    "matplotlib",
    "seaborn",
    "scipy",
}


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: str(path.relative_to(ROOT)))
def test_built_in_plugins_import_only_the_public_api_and_their_own_package(path: Path) -> None:
    package = path.relative_to(ROOT).parts
    for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(found, ast.Import):
            roots = {alias.name.split(".")[0] for alias in found.names}
            modules = {alias.name for alias in found.names if alias.name.startswith("rnnbench")}
            assert not roots & {"plugins", "tasks", "textbook", "tests"}, f"line {found.lineno}"
            assert modules <= PUBLIC, f"line {found.lineno}: {modules - PUBLIC} is not public"
        elif isinstance(found, ast.ImportFrom) and found.level:
            assert found.level < len(package), f"line {found.lineno} leaves {package[0]}/"
        elif isinstance(found, ast.ImportFrom) and str(found.module).split(".")[0] == "rnnbench":
            assert found.module in PUBLIC, f"line {found.lineno}: {found.module} is not public"
            if found.module == "rnnbench":
                names = {alias.name for alias in found.names}
                assert names <= set(rnnbench.__all__), f"line {found.lineno}"


LOADED = f"""
import json, pkgutil, sys
def loaded(): return [name for name in {sorted(HEAVY)!r} if name in sys.modules]
import rnnbench, rnnbench.contract.registry, rnnbench.cli.scaffold
seen = {{"rnnbench": loaded()}}
import rnnbench.cli.main
seen["cli"] = loaded()
import rnnbench.execution.run, rnnbench.execution.progress, rnnbench.records.store
seen["driver"] = loaded()
import rnnbench.report, rnnbench.analysis
for package in (rnnbench.report, rnnbench.analysis):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        __import__(module.name)
seen["reading"] = [name for name in loaded() if "torch" in name or "lightning" in name]
print(json.dumps(seen))
"""


def test_importing_is_light() -> None:
    assert answer(LOADED) == {"rnnbench": [], "cli": [], "driver": [], "reading": []}


def test_every_public_name_can_be_imported() -> None:
    for name in rnnbench.__all__:
        assert getattr(rnnbench, name) is not None
    with pytest.raises(AttributeError, match="module 'rnnbench' has no attribute 'nothing'"):
        importlib.import_module("rnnbench").nothing  # noqa: B018


HOOKS = sorted(
    name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.NAMESPACE}_spec")
)


def test_there_are_hooks() -> None:
    assert HOOKS == ["register_claims", "register_executors", "register_models", "register_tasks"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook: str) -> None:
    assert inspect.getdoc(getattr(hookspecs, hook))
    assert f"`{hook}`" in (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_called_for_a_plugin(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = ModuleType(f"plugin_of_{hook}")
    code = f"def {hook}(register): raise RuntimeError('{hook} was called')"
    exec(f"import rnnbench\n@rnnbench.hookimpl\n{code}", vars(plugin))
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    loaded = registry.load([EntryPoint("tested", plugin.__name__, registry.ENTRY_POINT_GROUP)])
    (fault,) = loaded.faults
    assert f"RuntimeError: {hook} was called" in str(fault.error)


@pytest.mark.parametrize(
    "protocol", [rnnbench.RegisterModel, rnnbench.RegisterTask, rnnbench.RegisterClaim]
)
def test_every_argument_of_a_register_call_is_documented(protocol: type) -> None:
    arguments = set(inspect.signature(protocol.__call__).parameters) - {"self"}
    guide = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert {name for name in arguments if f"`{name}`" not in guide} == set()
