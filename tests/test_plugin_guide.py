"""The examples in docs/plugins.md are complete plugins that pass the contract checks."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

from rnnbench.contract.collector import Collector
from rnnbench.contract.task import Task
from rnnbench.records.spec import Provider
from rnnbench.testing import check_model, check_task

GUIDE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text(encoding="utf-8")
MODEL, TRAINING, GIVEN, TASK, _ = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def imported(code: str, path: Path) -> ModuleType:
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fresh() -> Collector:
    return Collector(Provider(distribution="acme", version="1"), {}, {})


def test_the_class_without_a_plugin_keeps_the_contract(tmp_path: Path) -> None:
    definition, call = GIVEN.split("\n\n\nrows = ")
    assert call.startswith('rnnbench.run("copy-memory", [MyGRU, "my-gru[num_layers=2]"')
    collector = fresh()
    collector.register_model("my-gru", imported(definition, tmp_path / "given.py").MyGRU)
    check_model(collector.models["my-gru"], {"num_layers": 2})


def test_the_model_keeps_the_contract(tmp_path: Path) -> None:
    collector = fresh()
    imported(MODEL, tmp_path / "my_cell.py").register_models(collector.register_model)
    model = collector.models["my-cell"]
    assert model.summary == "Minimal gated unit (Zhou et al. 2016)."
    check_model(model)
    check_model(model, {"num_layers": 2})


def test_the_model_with_parameter_groups_keeps_the_contract(tmp_path: Path) -> None:
    core = imported(TRAINING, tmp_path / "diagonal.py").Diagonal
    assert [group.names for group in core(2, 3).parameter_groups()] == [["log_rate"]]
    collector = fresh()
    collector.register_model("diagonal", core)
    check_model(collector.models["diagonal"])


def test_the_task_keeps_the_contract(tmp_path: Path) -> None:
    collector = fresh()
    imported(TASK, tmp_path / "first_symbol.py").register_tasks(collector.register_task)
    check_task(collector.tasks["first-symbol"])
    check_task(collector.tasks["first-symbol"], {"delay": 3, "symbols": 7})


def test_the_packaging_names_the_module() -> None:
    (packaging,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    described = tomllib.loads(packaging)
    assert described["project"]["entry-points"]["rnnbench"] == {"my-cell": "my_cell"}
    assert described["tool"]["setuptools"]["py-modules"] == ["my_cell"]


def test_the_table_of_a_task_names_every_member() -> None:
    members = {name for name in vars(Task) if not name.startswith("_")} | {"sample", "splits"}
    assert {name for name in members if f"`{name}" not in GUIDE} == set()
