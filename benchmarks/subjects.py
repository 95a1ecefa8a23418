"""The networks and tasks that are measured, built as in a trial."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from rnnbench.contract import registry as plugins
from rnnbench.contract.registry import Registry
from rnnbench.contract.task import GeneratedTask, Task
from rnnbench.training.network import Network


@cache
def registry() -> Registry:
    """Every installed plugin."""
    return plugins.load()


def copy_memory(length: int) -> GeneratedTask:
    """Copy memory with five symbols, ``length`` steps in all."""
    task = registry().task("copy-memory").build({"delay": length - 10, "symbols": 5})
    assert isinstance(task, GeneratedTask)
    return task


def network_of(model_name: str, task: Task, hidden_size: int) -> Network:
    """Build a model's network with default options for a task."""
    model = registry().model(model_name)
    options: dict[str, Any] = {name: option.default for name, option in model.options.items()}
    torch.manual_seed(0)
    return Network(
        lambda input_size: model.build(input_size, hidden_size, options),
        hidden_size=hidden_size,
        inputs=task.inputs,
        outputs=task.outputs,
        steps=task.steps,
        causal=model.causal,
    )
