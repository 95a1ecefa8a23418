"""The context of a run, shared by the sweep and the speed pass."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.executors.remote import RemoteWorkers
    from rnnbench.execution.interruption import Interruption
    from rnnbench.execution.isolation import Outcome, Processes
    from rnnbench.execution.jobs.messages import Job
    from rnnbench.execution.lock import MachineLock
    from rnnbench.execution.options import RunOptions
    from rnnbench.execution.progress import View
    from rnnbench.execution.workers import Workers
    from rnnbench.records.store import Store

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class RunContext:
    """The objects that one run works with.

    Attributes:
        store: the store of the records.
        registry: the plugins.
        processes: the processes that jobs run in.
        lock: the lock on the machine.
        view: shows the progress.
        interruption: counts Ctrl-C and SIGTERM.
        options: the options of the run.
        device: ``"cpu"`` or ``"cuda"``, as chosen for ``options.accelerator``.
        jobs: trials at a time, as chosen for ``options.jobs`` or by the executor.
        remote: runs the trials of the sweep in place of ``processes``, if there is an executor.
        began: start of the run, on the monotonic clock.
    """

    store: Store
    registry: Registry
    processes: Processes
    lock: MachineLock
    view: View
    interruption: Interruption
    options: RunOptions
    device: str = "cpu"
    jobs: int = 1
    remote: RemoteWorkers | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def workers(self) -> Workers:
        """What runs the trials of the sweep."""
        return self.processes if self.remote is None else self.remote

    @property
    def capacity(self) -> int:
        """Trials that may be started at a time: an executor takes some ahead, for its bundles."""
        return self.jobs if self.remote is None else self.remote.capacity

    def out_of_time(self) -> bool:
        """Whether ``max_time`` has passed, so that nothing new may be started."""
        limit = self.options.max_time
        return limit is not None and time.monotonic() - self.began >= limit

    def run_to_end(self, job: Job, limit: float) -> Outcome:
        """Run one job while nothing else runs, and return how it ended.

        An interruption kills it: ``killed`` of the outcome is ``"interrupted"`` then.
        """
        running = self.processes.start(job, limit=limit)
        while True:
            for ended, outcome in self.processes.poll(POLL_SECONDS):
                if ended is running:
                    return outcome
            if self.interruption.count:
                self.processes.stop(running, at_once=True)
