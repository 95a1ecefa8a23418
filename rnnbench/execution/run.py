"""Run trials and store their records: the sweep, then the speed pass."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnbench.errors import UsageError
from rnnbench.execution.context import RunContext
from rnnbench.execution.environment import available_cores
from rnnbench.execution.executors.remote import RemoteWorkers
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.lock import MachineLock
from rnnbench.execution.speed_pass import SpeedPass
from rnnbench.execution.sweep import Sweep

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.executors.executor import Executor
    from rnnbench.execution.isolation import Processes
    from rnnbench.execution.options import RunOptions
    from rnnbench.execution.progress import View
    from rnnbench.execution.tuning import Tuning
    from rnnbench.plan.tuning import StudyPlan
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.store import Store


@dataclass(frozen=True)
class Ran:
    """The end of a run.

    Attributes:
        exit_code: 0 all done, 1 some trials failed, 128 + signal when interrupted.
        reported: the trials with the default recipe, and those with chosen recipes.
        tries: the tries of tuning studies.
    """

    exit_code: int
    reported: Sequence[TrialSpec]
    tries: Sequence[TrialSpec] = ()


GPU_JOBS = 1
"""Trials at a time on a GPU unless the user sets ``jobs``."""


def run_trials(
    specs: Sequence[TrialSpec],
    store: Store,
    registry: Registry,
    processes: Processes,
    options: RunOptions,
    device: str,
    view: View,
    studies: Sequence[StudyPlan] = (),
    untimed: frozenset[str] = frozenset(),
    executor: Executor | None = None,
) -> Ran:
    """Run the trials that the store does not hold yet, then measure the speeds that it lacks.

    Tries of studies run first, and trials with the recipes that they choose as soon as these are
    known. The speed of the networks in ``untimed``, by ``speed_id``, is not measured. With an
    executor the trials run there, and the rest on this machine.
    """
    jobs = options.jobs or (GPU_JOBS if device == "cuda" else available_cores())
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(contextlib.closing(MachineLock()))
        interruption = stack.enter_context(Interruption())
        remote = None
        if executor is not None:
            remote = RemoteWorkers(executor, options.threads)
            jobs = executor.slots * executor.cores
        context = RunContext(
            store, registry, processes, lock, view, interruption, options, device, jobs, remote
        )
        tuning = _tuning(studies, context)
        summary = Sweep(specs, context, tuning).run()
        tries = tuple(tuning.tries) if tuning else ()
        reported = (*specs, *(tuning.chosen if tuning else ()))
        if options.probes and not interruption.count:
            timed = [spec for spec in reported if spec.speed_id not in untimed]
            SpeedPass(timed, context).run()
        code = 0 if summary.all_done else 1
        return Ran(interruption.exit_code if interruption.count else code, reported, tries)


def _tuning(studies: Sequence[StudyPlan], context: RunContext) -> Tuning | None:
    if not studies:
        return None
    # Its import loads Optuna.
    from rnnbench.execution.tuning import Tuning

    retry = context.options.retry
    return Tuning(studies, context.store, retry, context.jobs, context.view.say)


def pick_device(accelerator: str) -> str:
    """Return ``"cpu"`` or ``"cuda"`` for ``auto``, ``cpu`` or ``gpu``.

    Raises:
        UsageError: another word, or a GPU was asked for and torch finds none.
    """
    if accelerator == "cpu":
        return "cpu"
    if accelerator not in ("auto", "gpu"):
        raise UsageError(f"accelerator={accelerator!r} is not one of auto, cpu, gpu.")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if accelerator == "gpu":
        built = "" if torch.version.cuda else f" (torch {torch.__version__} was built without CUDA)"
        raise UsageError(
            f"--accelerator gpu: torch finds no GPU{built}. "
            "Type --accelerator cpu, or install torch for CUDA."
        )
    return "cpu"
