"""The check before the trials: a mistake of the user is reported before any trial starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rnnbench.contract.faults import in_words
from rnnbench.contract.task import FiniteTask, Tokens
from rnnbench.errors import PluginError, RnnbenchError, one_line
from rnnbench.execution.environment import processor_name
from rnnbench.execution.jobs.trial import declined
from rnnbench.training.network import build_network

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.contract.task import Task
    from rnnbench.execution.jobs.messages import PreflightJob
    from rnnbench.records.spec import TrialSpec
    from rnnbench.training.network import Network


def preflight(job: PreflightJob, registry: Registry) -> tuple[str, ...]:
    """Build every task (its data read) and every model once; return the user's mistakes.

    A ``ValueError`` or one of rnnbench's errors is the user's mistake: options that exclude each
    other, data that cannot be read, a precision that the processor lacks. Any other exception is a
    fault of the plugin, which the trial itself records with its traceback.
    """
    found: list[str] = []
    tasks: dict[str, Task | None] = {}
    models: set[str] = set()
    for spec in job.specs:
        if spec.task.task_id not in tasks:
            tasks[spec.task.task_id] = _task(spec, registry, found)
        task = tasks[spec.task.task_id]
        key = f"{spec.task.task_id} {spec.model.model_dump_json()} {_network_settings(spec)}"
        if task is None or key in models:
            continue
        models.add(key)
        _model(spec, registry, task, found, job.device)
    return tuple(dict.fromkeys(found))


def _task(spec: TrialSpec, registry: Registry, found: list[str]) -> Task | None:
    try:
        task = registry.task(spec.task.name).build(spec.task.options)
        if isinstance(task, FiniteTask):
            task.splits()
        # Some tasks compute these from their data.
        _ = task.inputs, task.outputs, task.baseline
    except RnnbenchError as error:
        found.append(str(error))
    except ValueError as error:
        found.append(f"{spec.task.label}: {error}")
    except Exception:
        pass  # the trial records it
    else:
        return task
    return None


def _model(spec: TrialSpec, registry: Registry, task: Task, found: list[str], device: str) -> None:
    model = registry.model(spec.model.name)
    try:
        if not declined(model, task, spec.model.options):
            network = build_network(spec, model, task)
            if spec.settings.precision == "bf16-mixed" and device == "cpu":
                found += _without_bfloat16(network, spec)
    except PluginError:
        pass  # the trial records it
    except RnnbenchError as error:
        found.append(str(error))
    except ValueError as error:
        found.append(f"{spec.model.label}: {error}")
    except Exception:
        pass  # the trial records it


def _network_settings(spec: TrialSpec) -> str:
    """Return the settings that the check of a network depends on."""
    settings = spec.settings
    return f"{settings.network_identity()} {settings.embedding_size} {settings.precision}"


def _without_bfloat16(network: Network, spec: TrialSpec) -> list[str]:
    """Return a line if the network runs in float32 and not in bfloat16 on this processor.

    On processors without bfloat16 instructions some kernels of oneDNN, the LSTM's among them, do
    not exist.
    """
    if isinstance(network.inputs, Tokens):
        inputs = torch.zeros(2, 3, dtype=torch.int64)
    else:
        inputs = torch.zeros(2, 3, network.inputs.dim)
    try:
        network(inputs).sum().backward()
    # the trial records it
    except Exception:
        return []
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = network(inputs)
        outputs.float().sum().backward()
    # torch has no class of its own for it
    except Exception as error:
        reason = one_line(in_words(error), 120)
        return [
            f"--precision bf16-mixed: {spec.model.label} does not run in bfloat16 on this "
            f"processor ({processor_name()}): {reason}; type --precision 32."
        ]
    return []
