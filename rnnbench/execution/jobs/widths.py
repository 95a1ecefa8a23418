"""The hidden sizes that make a quantity equal: networks are built, and none is trained."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

from rnnbench.contract.core import to_double
from rnnbench.contract.faults import in_words
from rnnbench.errors import PluginError, RnnbenchError, one_line
from rnnbench.execution.environment import describe
from rnnbench.execution.jobs.messages import KnownWidth, Width, Widths
from rnnbench.execution.jobs.trial import declined
from rnnbench.plan.nearest import nearest_size
from rnnbench.plan.planning import MAX_HIDDEN_SIZE
from rnnbench.probes.size import measure_quantity
from rnnbench.probes.speed.step_time import training_step_seconds
from rnnbench.probes.speed.workloads import random_batch
from rnnbench.records.store import comparable_key
from rnnbench.training.device import cap_memory
from rnnbench.training.network import build_network
from rnnbench.training.preparation import prepare

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.contract.task import Task
    from rnnbench.execution.jobs.messages import WidthJob
    from rnnbench.records.spec import Quantity, TrialSpec
    from rnnbench.training.network import Network

LARGEST_ON_CPU = 1 << 22
"""Parameters of a network up to which its forward pass runs on the CPU, else on the meta device.

For smaller ones the CPU is ten times faster, since torch runs the loops of its layers in Python on
the meta device. Initial weights of larger ones, such as orthogonal matrices, take long.
"""
LARGEST_AT_ALL = 1 << 26
"""Parameters up to which the CPU is used where the meta device does not do."""
TIME_TOLERANCE = 0.02
"""Relative error of a training time at which the search ends: timings scatter as much."""
TIME_BUDGET = 15.0
"""Seconds after which the search for one training time ends with the nearest found."""


def find_widths(job: WidthJob, registry: Registry) -> Widths:
    """Return the hidden size of each trial of the job whose quantity is nearest to the target.

    A ``ValueError`` or one of rnnbench's errors in the task's data is the user's mistake. Any other
    exception of a plugin leaves the trial without a width.
    """
    cap_memory(torch.device(job.device), job.memory)
    spec = job.specs[0] if job.specs else job.reference
    if spec is None:
        return Widths()
    try:
        task = registry.task(spec.task.name).build(spec.task.options)
        _ = task.inputs, task.outputs, task.length
    except PluginError as error:
        return Widths(widths=(Width(problem=str(error)),) * len(job.specs))
    except (RnnbenchError, ValueError) as error:
        known = isinstance(error, RnnbenchError)
        mistake = str(error) if known else f"{spec.task.label}: {error}"
        return Widths(widths=(Width(mistake=mistake),) * len(job.specs))
    except Exception as error:
        return Widths(widths=(Width(problem=in_words(error)),) * len(job.specs))
    target = job.target
    reference = job.reference
    if target is None and reference is not None:
        known_targets = [each.matched.target for each in _known(job)]
        measured = _Quantity(job, reference, registry, task)
        target = known_targets[-1] if known_targets else measured(reference.model.hidden_size)
        if target is None:
            label = reference.model.label
            return Widths(widths=(Width(mistake=f"{label}: {measured.problem}"),))
    if target is None or target <= 0:
        zero = "the target is 0, which no hidden size reaches; choose another quantity"
        return Widths(widths=(Width(mistake=zero),) * max(1, len(job.specs)))
    return Widths(
        target=target,
        widths=tuple(_width(job, each, registry, task, target) for each in job.specs),
    )


def _width(job: WidthJob, spec: TrialSpec, registry: Registry, task: Task, target: float) -> Width:
    if declined(registry.model(spec.model.name), task, spec.model.options):
        return Width()
    for known in reversed(_known(job)):
        achieved = known.matched.achieved
        return Width(hidden_size=known.hidden_size, achieved=achieved, low=achieved, high=achieved)
    same = 0 if job.reference is None else job.reference.model.hidden_size
    if job.reference is not None and job.reference.model == sized(spec, same).model:
        return Width(hidden_size=same, achieved=target, low=target, high=target)
    quantity = _Quantity(job, spec, registry, task)
    if job.quantity == "time":
        deadline = time.monotonic() + TIME_BUDGET
        found = nearest_size(
            quantity,
            target,
            MAX_HIDDEN_SIZE,
            tolerance=TIME_TOLERANCE,
            stop=lambda: time.monotonic() > deadline,
        )
        is_cut = time.monotonic() > deadline
    else:
        found, is_cut = nearest_size(quantity, target, MAX_HIDDEN_SIZE), False
    if found is None:
        return Width(problem=quantity.problem)
    # A search that was cut off says nothing about the largest value.
    high = math.inf if is_cut else found.high
    return Width(hidden_size=found.size, achieved=found.value, low=found.low, high=high)


def sized(spec: TrialSpec, hidden_size: int) -> TrialSpec:
    """Return a trial with another hidden size."""
    model = spec.model.model_copy(update={"hidden_size": hidden_size})
    return spec.model_copy(update={"model": model})


def _known(job: WidthJob) -> list[KnownWidth]:
    if not job.known:
        return []
    here = comparable_key(describe(torch.device(job.device)))
    return [each for each in job.known if comparable_key(each.environment) == here]


class _Quantity:
    """The quantity of a trial's network as a function of the hidden size."""

    def __init__(self, job: WidthJob, spec: TrialSpec, registry: Registry, task: Task) -> None:
        self._quantity, self._spec, self._task = job.quantity, spec, task
        self._model = registry.model(spec.model.name)
        self._device = torch.device(job.device)
        self._meta = True
        self.problem = ""
        """The last error."""

    def __call__(self, hidden_size: int) -> float | None:
        """Return the quantity; ``None`` where the network cannot be built or run."""
        spec = sized(self._spec, hidden_size)
        if self._quantity == "time":
            return self._caught(self._seconds, spec)
        counted = self._caught(self._parameters, spec) if self._meta else None
        if counted is not None and self._quantity in ("params", "core-params"):
            return counted
        if counted is not None and counted > LARGEST_ON_CPU:
            found = self._caught(self._of, spec, torch.device("meta"))
            if found is not None or counted > LARGEST_AT_ALL:
                return found
        measured = self._caught(self._of, spec, torch.device("cpu"))
        # Some constructors compute what the meta device cannot.
        self._meta = self._meta and (counted is not None or measured is None)
        return measured

    def _parameters(self, spec: TrialSpec) -> float:
        """Return the number of parameters: all, or of the core where that is asked for."""
        network = self._built(spec, torch.device("meta"))
        which: Quantity = "core-params" if self._quantity == "core-params" else "params"
        return measure_quantity(network, which, self._task.length)

    def _of(self, spec: TrialSpec, device: torch.device) -> float:
        return measure_quantity(self._built(spec, device), self._quantity, self._task.length)

    def _seconds(self, spec: TrialSpec) -> float:
        settings = spec.settings
        network = self._built(spec, torch.device("cpu")).to(self._device)
        if settings.precision == "64":
            network = to_double(network)
        batch = random_batch(network, self._task.length, settings.batch_size, self._device)
        prepare(network, batch.inputs, settings.steps)
        return settings.steps * training_step_seconds(
            network, self._task.length, settings.batch_size, self._device
        )

    def _built(self, spec: TrialSpec, device: torch.device) -> Network:
        with device:
            return build_network(spec, self._model, self._task)

    def _caught(self, measure: Any, *given: Any) -> float | None:
        try:
            return float(measure(*given))
        # A plugin may raise anything where it refuses a size.
        except Exception as error:
            self.problem = one_line(in_words(error), 200)
            return None
