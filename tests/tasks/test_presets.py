"""Every preset of every built-in task can be planned and built, and its source is documented."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch

from rnnbench.contract.task import Batch, FiniteTask, GeneratedTask, Task
from rnnbench.plan.planning import Request, make_plan
from rnnbench.training.data import source_of
from rnnbench.training.network import build_network
from rnnbench.training.optimizers import build_optimizer
from tests.tasks.builders import built_in, loaded, write

DOCS = Path(__file__).parents[2] / "docs" / "tasks.md"
BUILT_IN = built_in()
PRESETS = [(name, preset) for name in sorted(BUILT_IN) for preset in BUILT_IN[name].factory.presets]
WITHOUT_PAPER = {
    "anbn",
    "anbncn",
    "delayed-match",
    "dyck-1",
    "group-word",
    "hidden-state",
    "regular-language",
    "sine-forecasting",
}
"""Tasks for which no paper gives sizes and an optimizer."""


def asked(name: str, folder: Path) -> str:
    """The task as a user would type it, with the data that it requires."""
    if name != "forecasting":
        return name
    values = "\n".join(f"{math.sin(0.3 * value) + math.sin(value**2):.6f}" for value in range(1200))
    return f"forecasting[path={write(folder, 'series.csv', values)}]"


def first_two(task: Task) -> Batch:
    """Return two sequences, from the test part or drawn."""
    if isinstance(task, GeneratedTask):
        return task.sample(2, torch.Generator())
    assert isinstance(task, FiniteTask)
    return task.splits().test.rows(slice(0, 2))


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_plans_one_trial_whose_network_predicts(
    name: str, preset: str, tmp_path: Path
) -> None:
    if name == "sequential-digits":
        pytest.importorskip("sklearn.datasets")
    (trial,) = make_plan(
        Request([asked(name, tmp_path)], ["lstm"], seeds=1, preset=preset), loaded()
    )
    given = BUILT_IN[name].factory.presets[preset]
    assert {
        setting: getattr(trial.settings, setting)
        for setting in given.settings
        if setting != "hidden_size"
    } == {setting: value for setting, value in given.settings.items() if setting != "hidden_size"}
    assert trial.model.hidden_size == given.settings["hidden_size"]
    task = loaded().task(name).build(trial.task.options)
    batch = first_two(task)
    network = build_network(trial, loaded().model("lstm"), task)
    optimizer = build_optimizer(network, trial.settings)
    outputs = network(batch.inputs, batch.lengths)
    assert outputs.isfinite().all()
    assert outputs.shape[:-1] == (batch.targets.shape[:2] if task.steps == "every" else (2,))
    assert optimizer.param_groups[0]["lr"] == trial.settings.learning_rate


@pytest.mark.parametrize(
    "name", ["copy-memory", "associative-recall", "delayed-match", "selective-copy", "noisy-recall"]
)
def test_the_training_of_a_quick_preset_draws_few_sequences_of_the_test(name: str) -> None:
    (trial,) = make_plan(Request([name], ["lstm"], seeds=1, preset="quick"), loaded())
    task = loaded().task(name).build(trial.task.options)
    source = source_of(task, trial.settings, 0, torch.device("cpu"))
    for step in range(trial.settings.steps):
        source.train(step)
    assert source.size.seen_in_training < 0.01


def test_each_task_has_a_quick_and_a_standard_preset_and_a_paper_preset_if_possible() -> None:
    assert all({"quick", "standard"} <= set(task.factory.presets) for task in BUILT_IN.values())
    assert {
        name for name, task in BUILT_IN.items() if "paper" not in task.factory.presets
    } == WITHOUT_PAPER


def test_the_docs_have_the_source_of_every_paper_preset() -> None:
    section = DOCS.read_text().split("## Where the `paper` presets come from")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert sorted(
        name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1])
    ) == sorted(BUILT_IN)
