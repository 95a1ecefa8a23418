"""Every registered model and task keeps the contract, models with each of their choices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract import registry
from rnnbench.contract.entries import RegisteredModel, RegisteredTask
from rnnbench.errors import RnnbenchError
from rnnbench.records.syntax import option_text
from rnnbench.testing import check_model, check_task

KNOWN = registry.load()
STACKED = {"num_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.3}


def variants(registered: RegisteredModel | RegisteredTask) -> list[dict[str, Any]]:
    """Return the default options, then each other choice and switch by itself.

    Implementations of one function are left out: each check compares the plain loop by itself.
    """
    found: list[dict[str, Any]] = [{}]
    same = getattr(registered, "plain_loop", None) or {}
    for option in registered.options.values():
        if option.name in same:
            continue
        alternatives = [*option.choices, *((True, False) if bool in option.kinds else ())]
        found += [{option.name: value} for value in alternatives if value != option.default]
    return found


def model_cases() -> list[Any]:
    cases = []
    for name, model in sorted(KNOWN.models.items()):
        deep = {option: value for option, value in STACKED.items() if option in model.options}
        for options in [*variants(model), *([deep] if deep else [])]:
            shown = ",".join(f"{key}={option_text(value)}" for key, value in options.items())
            cases.append(pytest.param(model, options, id=f"{name}[{shown}]"))
    return cases


def has_own_data(task: RegisteredTask) -> bool:
    try:
        task.build()
    except (RnnbenchError, ValueError):
        return False
    return True


def data_files(task: RegisteredTask, folder: Path) -> dict[str, Any]:
    """Return a value for every file option: a series of one column."""
    path = folder / "series.csv"
    rows = [str(math.sin(step / 3) + 0.01 * (step % 7)) for step in range(400)]
    path.write_text("\n".join(["value", *rows]) + "\n")
    return {name: str(path) for name, option in task.options.items() if option.is_file}


@pytest.mark.parametrize(("model", "options"), model_cases())
def test_every_model_keeps_the_contract(model: RegisteredModel, options: dict[str, Any]) -> None:
    check_model(model, options)
    assert model.summary


@pytest.mark.parametrize("name", sorted(KNOWN.tasks))
def test_every_task_keeps_the_contract(name: str, tmp_path: Path) -> None:
    task = KNOWN.task(name)
    check_task(task, {} if has_own_data(task) else data_files(task, tmp_path))
    assert task.summary


def test_everything_that_rnnbench_brings_is_loaded_without_a_fault_or_a_warning() -> None:
    own = [plugin for plugin in KNOWN.plugins if plugin.provider.distribution == "rnnbench"]
    assert [(plugin.name, plugin.error) for plugin in own if plugin.error or plugin.disabled] == []
    assert {name for plugin in own for name in plugin.models} >= {
        "rnn",
        "lstm",
        "gru",
        "bilstm",
        "attention-lstm",
    }
    assert {name for plugin in own for name in plugin.tasks} >= {
        "copy-memory",
        "sine-forecasting",
        "text-classification",
    }
