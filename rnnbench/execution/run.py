"""Run trials and store their records: the sweep, then the speed pass."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.errors import UsageError
from rnnbench.execution.context import RunContext
from rnnbench.execution.environment import available_cores
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.lock import MachineLock
from rnnbench.execution.speed_pass import SpeedPass
from rnnbench.execution.sweep import Sweep

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.isolation import Processes
    from rnnbench.execution.options import RunOptions
    from rnnbench.execution.progress import View
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.store import Store

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
) -> int:
    """Run the trials that the store does not hold yet, then measure the speeds that it lacks.

    Returns:
        The exit code: 0 all done, 1 some trials failed, 128 + signal when interrupted.
    """
    jobs = options.jobs or (GPU_JOBS if device == "cuda" else available_cores())
    with contextlib.closing(MachineLock()) as lock, Interruption() as interruption:
        context = RunContext(
            store, registry, processes, lock, view, interruption, options, device, jobs
        )
        summary = Sweep(specs, context).run()
        if options.probes and not interruption.count:
            SpeedPass(specs, context).run()
        if interruption.count:
            return interruption.exit_code
    return 0 if summary.all_done else 1


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
