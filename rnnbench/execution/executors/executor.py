"""What an executor is: it takes bundles, and gives back records and the ends of bundles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rnnbench.execution.bundles.bundle import Bundle
    from rnnbench.records.result import Record


@dataclass(frozen=True)
class Finished:
    """A trial has ended, in whatever way; its record is whole.

    Attributes:
        ticket: of its bundle.
        record: with the start and duration on the node.
        weights: content of the file of trained weights; ``None`` where none was kept.
    """

    ticket: str
    record: Record
    weights: bytes | None = None


@dataclass(frozen=True)
class Ended:
    """A bundle runs no more.

    Attributes:
        ticket: of the bundle.
        lost: why trials of it may be missing, e.g. a node that died; they are submitted again.
        refused: why no node will run it, e.g. another version of a plugin; ends the run.
    """

    ticket: str
    lost: str = ""
    refused: str = ""


Event = Finished | Ended


class Executor(Protocol):
    """Runs bundles somewhere: processes, a cluster, a queue.

    One thread uses it. It needs no store, no plugins and no knowledge of trials: on the node,
    ``rnnbench worker`` or :func:`rnnbench.execution.bundles.worker.run_bundle` runs a bundle.

    Attributes:
        slots: bundles that can run at a time.
        cores: trials that a bundle may run at a time.
    """

    slots: int
    cores: int

    def submit(self, bundle: Bundle) -> str:
        """Hand over a bundle, and return a ticket, which no other bundle has had."""
        ...

    def poll(self, seconds: float) -> Sequence[Event]:
        """Return what has happened since the last call; wait at most so long for something.

        Of each trial at most one :class:`Finished`, and of each ticket one :class:`Ended` after
        them.
        """
        ...

    def cancel(self, ticket: str, *, at_once: bool = False) -> None:
        """End a bundle, in order or at once; its :class:`Ended` follows."""
        ...

    def close(self) -> None:
        """End everything that still runs and leave nothing behind. A second call does nothing."""
        ...
