"""From a list of trials to stored records: the sweep, then the speed pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.errors import UsageError
from rnnbench.execution.context import Session
from rnnbench.execution.environment import available_cores
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.isolation.processes import Processes
from rnnbench.execution.lock import Machine
from rnnbench.execution.speed_pass import SpeedPass
from rnnbench.execution.sweep import Summary, Sweep

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.context import RunOptions, View
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.store import Store

GPU_JOBS = 1
"""Trials at a time on a GPU unless the user says otherwise."""


def run_trials(
    specs: Sequence[TrialSpec],
    store: Store,
    registry: Registry,
    options: RunOptions,
    view: View,
    processes: Processes | None = None,
) -> tuple[Summary, int]:
    """Run the trials that the store does not hold yet, then measure speeds that it lacks; return
    what became of it.

    The second value is the exit code: 0 all done, 1 some trials failed, 128 + signal when
    interrupted. ``processes`` may be given where they were started early, so that torch loads while
    the plan is made.
    """
    machine = Machine()
    try:
        with processes or Processes(options.threads) as isolated, Interruption() as interruption:
            session = Session(store, registry, isolated, machine, view, options, interruption)
            summary = Sweep(specs, session).run()
            if options.probes and not interruption.count:
                SpeedPass(specs, session).run()
                summary.interrupted = bool(interruption.count)
            if interruption.count:
                return summary, interruption.exit_code
    finally:
        machine.close()
    return summary, 0 if summary.all_done else 1


def pick_device(accelerator: str) -> str:
    """Return ``"cpu"`` or ``"cuda"`` for ``auto``, ``cpu`` or ``gpu``.

    Raises:
        UsageError: a GPU was asked for and torch sees none.
    """
    if accelerator == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if accelerator == "gpu":
        built = "" if torch.version.cuda else f" (torch {torch.__version__} was built without CUDA)"
        raise UsageError(
            f"--accelerator gpu: torch sees no GPU{built}. Type --accelerator cpu, or install torch for CUDA."
        )
    return "cpu"


def pick_jobs(asked: int | None, device: str) -> int:
    """Return how many trials run at a time: as asked, else one per core on the CPU."""
    return asked or (GPU_JOBS if device == "cuda" else available_cores())
