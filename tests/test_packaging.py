"""The wheel: it contains every file and nothing else, and works outside the repository."""

from __future__ import annotations

import shutil
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.installing import answer, run_python

ROOT = Path(__file__).parents[1]
HOMES = {
    "rnnbench": "rnnbench",
    "plugins": "rnnbench/plugins",
    "tasks": "rnnbench/tasks",
    "textbook": "rnnbench/textbook",
}
"""Folders of the repository and of the installed package."""

LOOK = """
import json, sys
import rnnbench
light = sorted({"torch", "pandas", "pytorch_lightning"} & set(sys.modules))
from rnnbench.cli import scaffold
from rnnbench.contract import registry
known = registry.load()
print(json.dumps({
    "file": rnnbench.__file__,
    "loaded by import rnnbench": light,
    "version": rnnbench.__version__,
    "providers": sorted(
        {f"{p.provider.distribution} {p.provider.version}" for p in known.plugins}
    ),
    "faults": [p.error for p in known.faults],
    "models": sorted(known.models),
    "tasks": sorted(known.tasks),
    "claims": sorted(known.claims),
    "project": sorted(p.name for p in scaffold.new_model("my-model").iterdir()),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that no build folder is left in the repository."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in HOMES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path_factory.mktemp("wheel")
    run_python(
        [
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "-w",
            str(folder),
            str(source),
        ]
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_packages(contents: set[str]) -> None:
    expected = {
        f"{home}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, home in HOMES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in contents if ".dist-info/" not in name} == expected


@pytest.mark.parametrize(
    "part",
    [
        "rnnbench/py.typed",
        "rnnbench/cli/templates/model/",
        "rnnbench/cli/templates/task/",
        "rnnbench/plugins/",
        "rnnbench/tasks/",
        "rnnbench/textbook/",
    ],
)
def test_the_wheel_holds_package_data(contents: set[str], part: str) -> None:
    assert any(name.startswith(part) for name in contents)


def test_nothing_but_rnnbench_lands_at_the_top_level(contents: set[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in contents} == {"rnnbench"}


def test_every_entry_point_names_a_module_in_the_wheel(contents: set[str]) -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "rnnbench"
    ]
    # the textbook is one plugin, whose module is a package, and executors are part of the engine
    others = {"textbook", "executors"}
    assert {"rnnbench/textbook/__init__.py", "rnnbench/execution/executors/builtin.py"} <= contents
    points = {name: module for name, module in points.items() if name not in others}
    modules = {module.replace(".", "/") + ".py" for module in points.values()}
    assert modules <= contents
    shipped = {
        name
        for name in contents
        if name.startswith(("rnnbench/plugins/", "rnnbench/tasks/")) and name.endswith(".py")
    }
    assert {name for name in shipped if "/_" not in name} == modules


def test_the_wheel_works_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    run_python(
        [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--no-compile",
            "--target",
            str(shelf),
            str(wheel),
        ]
    )
    assert (
        "rnnbench" in run_python(["-m", "rnnbench", "--version"], shelf=shelf, cwd=tmp_path).stdout
    )
    seen: dict[str, Any] = answer(LOOK, shelf=shelf, cwd=tmp_path)
    assert Path(seen["file"]).is_relative_to(shelf)
    assert seen["loaded by import rnnbench"] == []
    assert seen["faults"] == []
    assert seen["providers"] == [f"rnnbench {seen['version']}"]
    assert {"rnn", "lstm", "gru", "bilstm", "attention-lstm"} <= set(seen["models"])
    assert {"copy-memory", "sine-forecasting", "forecasting", "text-classification"} <= set(
        seen["tasks"]
    )
    assert "forget-bias-half-life" in seen["claims"]
    assert seen["project"] == [
        "README.md",
        "pyproject.toml",
        "rnnbench_my_model.py",
        "test_contract.py",
    ]
