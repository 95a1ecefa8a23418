"""The task files and the entry points agree, and each task passes the contract checks."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest

from rnnbench.testing import check_task
from tests.tasks.builders import loaded, write

ROOT = Path(__file__).parents[2]
NAMES = sorted(
    name for name, task in loaded().tasks.items() if task.provider.distribution == "rnnbench"
)


def test_every_task_file_has_its_entry_point_and_no_other_exists() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "rnnbench"
    ]
    named = {
        name: target for name, target in points.items() if target.startswith("rnnbench.tasks.")
    }
    files = [path.relative_to(ROOT / "tasks") for path in (ROOT / "tasks").glob("[!_]*/[!_]*.py")]
    modules = {".".join(path.with_suffix("").parts) for path in files}
    assert {target.removeprefix("rnnbench.tasks.") for target in named.values()} == modules
    assert {name.replace("-", "_") for name in named} == {path.stem for path in files}


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_registered_with_a_summary_and_citations(name: str) -> None:
    task = loaded().task(name)
    assert task.provider.distribution == "rnnbench"
    assert task.summary.endswith(".") or task.summary.endswith(").")
    assert task.cited


@pytest.mark.parametrize("name", ["copy-memory", "sine-forecasting", "text-classification"])
def test_a_task_passes_the_conformance_checks(name: str) -> None:
    options = {"text-classification": {"sentences": 400}, "sine-forecasting": {"points": 600}}
    check_task(name, options.get(name, {"delay": 5, "symbols": 3}))


def test_forecasting_passes_the_conformance_checks(tmp_path: Path) -> None:
    values = "\n".join(f"{math.sin(0.3 * value) + math.sin(value**2):.6f}" for value in range(200))
    check_task("forecasting", {"path": str(write(tmp_path, "series.csv", values)), "window": 5})
