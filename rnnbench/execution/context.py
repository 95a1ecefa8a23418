"""What a run works with, from its first trial to its last measurement of speed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.interruption import Interruption
    from rnnbench.execution.isolation.processes import Processes
    from rnnbench.execution.lock import Machine
    from rnnbench.records.result import Result, Status
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.store import Store


@dataclass(frozen=True)
class RunOptions:
    """How trials are run; no part of their identity.

    Attributes:
        jobs: trials at a time.
        threads: torch threads of each.
        device: ``"cpu"`` or ``"cuda"``.
        timeout: wall-clock limit of a trial in seconds.
        memory: limit in bytes of a trial's address space; on a GPU, of what it takes of the GPU's
            memory.
        cuda_graphs: whether training steps on a GPU are replayed from a CUDA graph where they can
            be.
        loggers: names of the loggers that training is logged to; see
            ``rnnbench.execution.jobs.loggers``.
        probes: whether size, gradient and speed are measured.
        retry: statuses of a last attempt that are run once more.
        fail_fast: start no further trial after the first that did not end as done.
        max_time: start no further trial, and measure no further speed, after this many seconds.
        circuit_breaker: skip the other trials of a model that crashed three times in this run.
        command: the command line, kept with every record.
    """

    jobs: int = 1
    threads: int = 1
    device: str = "cpu"
    timeout: float | None = None
    memory: int | None = None
    cuda_graphs: bool = True
    loggers: tuple[str, ...] = ()
    probes: bool = True
    retry: frozenset[Status] = frozenset()
    fail_fast: bool = False
    max_time: float | None = None
    circuit_breaker: bool = True
    command: str = ""


class View(Protocol):
    """What watches a sweep; see ``rnnbench.execution.progress``."""

    def begin(self, trials: int, stored: int, jobs: int) -> None: ...

    def started(self, spec: TrialSpec) -> None: ...

    def running(
        self, jobs: Sequence[tuple[TrialSpec, tuple[int, float] | None]], seconds_left: float | None
    ) -> None: ...

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None: ...

    def say(self, text: str) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True)
class Session:
    """One run's means: where records go, who may be run, where processes and the machine's lock
    come from, who watches.
    """

    store: Store
    registry: Registry
    processes: Processes
    machine: Machine
    view: View
    options: RunOptions
    interruption: Interruption
    began: float = field(default_factory=time.monotonic)

    def out_of_time(self) -> bool:
        """Whether nothing new may be started."""
        return (
            self.options.max_time is not None
            and time.monotonic() - self.began >= self.options.max_time
        )
