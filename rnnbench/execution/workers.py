"""What runs the trials of a sweep: isolated processes of this machine, or an executor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rnnbench.execution.isolation import KillReason, Outcome
    from rnnbench.execution.jobs.messages import Progress, TrialJob


class Started(Protocol):
    """A trial that was started, from :meth:`Workers.start`.

    Attributes:
        started: on the monotonic clock.
        killed: why it was ended, if it was.
    """

    started: float
    killed: KillReason | None

    @property
    def progress(self) -> Progress | None:
        """The latest progress of its training, or ``None``."""
        ...


class Workers(Protocol):
    """Starts, polls and stops trials.

    :class:`rnnbench.execution.isolation.Processes` is one, and
    :class:`rnnbench.execution.executors.remote.RemoteWorkers` another.
    """

    def start(self, job: TrialJob, *, limit: float | None = None) -> Started:
        """Start a trial; ``limit`` is its wall-clock limit in seconds."""
        ...

    def poll(self, timeout: float) -> Sequence[tuple[Any, Outcome]]:
        """Wait up to ``timeout`` seconds for an event; return the trials that have ended."""
        ...

    def stop(self, job: Any, reason: KillReason = "interrupted", *, at_once: bool = False) -> None:
        """End a trial, in order or ``at_once``."""
        ...
