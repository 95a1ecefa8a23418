"""Small trials whose records are kept: ``python -m tests.golden.trials`` writes ``trials.json``.

They pin identities and every measured number across changes that must not alter them. Rewrite the
file only in a commit that changes a measurement or an identity on purpose, and say so in the
changelog. A mere change of name is entered in the tables below; rewriting the file empties them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from rnnbench.contract import registry
from rnnbench.execution.environment import processor_model, processor_name
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.spec import TrialSpec

PATH = Path(__file__).with_name("trials.json")
SETTINGS = {"steps": 4, "batch_size": 4, "validation_size": 16, "test_size": 16}
MODELS = "rnn,lstm,gru,bilstm,attention-lstm"
TIMES = ("seconds", "train_seconds")
SOURCE = "sha256:"
"""Stands for the checksums of source code, which change with every edit of a task or a model."""
RENAMED_OPTIONS: dict[str, dict[str, str]] = {}
"""By task: today's name of an option -> its name in ``trials.json``."""
ADDED_OPTIONS: dict[str, frozenset[str]] = {}
"""By task: options that it has gained since, which have their defaults in these trials."""
ADDED_FIELDS: frozenset[str] = frozenset({"gradient_history", "published"})
"""Fields of results that are new since."""
RENAMED_SCORES: dict[str, str] = {}
"""A part of the names of scores, lines or titles: that in ``trials.json`` -> today's."""


def specs() -> dict[str, TrialSpec]:
    """Return one trial of every task, and one of every model on two tasks, by a name for each."""
    loaded = registry.load()
    every_task = [
        Request([_small(name)], ["gru"], [0], "quick", 8, SETTINGS) for name in sorted(loaded.tasks)
    ]
    every_model = Request(
        ["copy-memory[delay=3]", "temporal-order"], [MODELS], [1], "quick", 6, SETTINGS
    )
    planned = [
        spec for request in (*every_task, every_model) for spec in make_plan(request, loaded)
    ]
    return {_name(with_former_options(spec)): spec for spec in planned}


def _name(spec: TrialSpec) -> str:
    return f"{spec.task.label} {spec.model.label} {spec.seed}"


def _small(task: str) -> str:
    options = registry.load().task(task).options
    if "test_length" in options:
        return f"{task}[train_length=8,test_length=24]"
    return f"{task}[data=sunspots]" if task == "forecasting" else task


def with_former_options(spec: TrialSpec) -> TrialSpec:
    """Return a trial with the options, and their names, that its task has in ``trials.json``."""
    former = RENAMED_OPTIONS.get(spec.task.name, {})
    added = ADDED_OPTIONS.get(spec.task.name, frozenset())
    assert not added & spec.task.shown.keys()

    def renamed(mapping: dict[str, Any]) -> dict[str, Any]:
        return {
            former.get(name, name): value for name, value in mapping.items() if name not in added
        }

    task = spec.task
    changes = {name: renamed(getattr(task, name)) for name in ("options", "shown", "checksums")}
    return spec.model_copy(update={"task": task.model_copy(update=changes)})


def with_source(spec: TrialSpec, source: str) -> TrialSpec:
    """Return a trial with this in place of the checksums of source code."""
    parts = {"task": spec.task, "model": spec.model}
    return spec.model_copy(
        update={name: part.model_copy(update={"source": source}) for name, part in parts.items()}
    )


def with_current_names(value: Any) -> Any:
    """Return JSON content of ``trials.json`` with today's names of scores, lines and titles."""
    if isinstance(value, dict):
        return {with_current_names(key): with_current_names(part) for key, part in value.items()}
    if isinstance(value, list):
        return [with_current_names(part) for part in value]
    if isinstance(value, str):
        for former, current in RENAMED_SCORES.items():
            value = value.replace(former, current)
    return value


def identities(spec: TrialSpec) -> dict[str, str]:
    """Return every hash that is derived from a trial's definition, by its options' former names."""
    spec = with_source(with_former_options(spec), SOURCE)
    return {
        "trial": spec.trial_id,
        "config": spec.config_id,
        "speed": spec.speed_id,
        "task": spec.task.task_id,
    }


def measured(spec: TrialSpec) -> dict[str, Any]:
    """Run the trial in this process with one thread; return its result without times."""
    with one_thread():
        result = run_trial(TrialJob(spec=spec), registry.load())
    content: dict[str, Any] = without_times(
        json.loads(result.model_dump_json(exclude={"environment"}))
    )
    return content


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, as in a trial's own process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def without_times(value: Any) -> Any:
    """Return JSON content without the wall-clock times in it."""
    if isinstance(value, dict):
        return {
            key: without_times(part)
            for key, part in value.items()
            if key not in TIMES and key not in ADDED_FIELDS
        }
    return [without_times(part) for part in value] if isinstance(value, list) else value


def platform() -> dict[str, str]:
    """Return what floating-point results may depend on."""
    return {
        "processor": processor_name(),
        "processor_model": processor_model(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    made = {
        name: {"ids": identities(spec), "result": measured(spec)} for name, spec in specs().items()
    }
    lines = [f"{json.dumps(name)}: {json.dumps(trial)}" for name, trial in made.items()]
    trials = ",\n".join(lines)
    PATH.write_text(
        f'{{"platform": {json.dumps(platform())}, "trials": {{\n{trials}\n}}}}\n', encoding="utf-8"
    )
