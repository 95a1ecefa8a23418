"""Before any trial starts: build what every trial will build, so that a user's mistake costs
seconds and not a sweep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.contract.task import FiniteTask
from rnnbench.errors import RnnbenchError, one_line
from rnnbench.execution.jobs.trial import declined
from rnnbench.training.network import build_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnnbench.contract.registry import Registry
    from rnnbench.contract.task import Task
    from rnnbench.records.spec import TrialSpec


def problems(specs: Sequence[TrialSpec], registry: Registry) -> list[str]:
    """Build every task (its data read) and every model once; return the user's mistakes, a line
    each.

    A ``ValueError`` or one of rnnbench's errors is the user's: options that do not go together,
    data that cannot be read. Any other exception is the plugin's own, and is left for the trial to
    record.
    """
    found: list[str] = []
    tasks: dict[str, Task | None] = {}
    models: set[str] = set()
    for spec in specs:
        if spec.task.task_id not in tasks:
            tasks[spec.task.task_id] = _task(spec, registry, found)
        task = tasks[spec.task.task_id]
        key = f"{spec.task.task_id} {spec.model.model_dump_json()}"
        if task is None or key in models:
            continue
        models.add(key)
        _model(spec, registry, task, found)
    return list(dict.fromkeys(found))


def _task(spec: TrialSpec, registry: Registry, found: list[str]) -> Task | None:
    try:
        task = registry.task(spec.task.name).build(spec.task.options)
        if isinstance(task, FiniteTask):
            task.splits()
        _ = task.inputs, task.outputs, task.baseline  # computed from the data by some tasks
    except RnnbenchError as error:
        found.append(one_line(error))
    except ValueError as error:
        found.append(one_line(f"{spec.task.label}: {error}"))
    except Exception:
        pass  # the trial records it, with its traceback
    else:
        return task
    return None


def _model(spec: TrialSpec, registry: Registry, task: Task, found: list[str]) -> None:
    model = registry.model(spec.model.name)
    try:
        if not declined(model, task, spec.model.options):
            build_network(spec, model, task)
    except RnnbenchError as error:
        found.append(one_line(error))
    except ValueError as error:
        found.append(one_line(f"{spec.model.label}: {error}"))
    except Exception:
        pass  # as above
