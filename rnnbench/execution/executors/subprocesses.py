"""An executor on this machine: each bundle is a process ``rnnbench worker``.

It is the smallest complete executor. The contract tests of all executors run on it, and it shows
that a run through files gives the same scores.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.errors import message_line
from rnnbench.execution.bundles.output import read_output
from rnnbench.execution.bundles.worker import REFUSED, weights_beside
from rnnbench.execution.environment import available_cores
from rnnbench.execution.executors.executor import Ended, Event, Finished
from rnnbench.execution.isolation import ending_of

if TYPE_CHECKING:
    from rnnbench.execution.bundles.bundle import Bundle

_PAUSE = 0.05
"""Seconds between two looks at the files."""
_GRACE = 5.0
"""Seconds between the end in order and SIGKILL when the executor is closed."""


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    output: Path
    seen: set[str] = field(default_factory=set)


class SubprocessExecutor:
    """Run bundles in processes of this machine.

    Args:
        slots: bundles at a time; one per core by default.
    """

    cores = 1

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots or available_cores()
        self._folder = tempfile.TemporaryDirectory(prefix="rnnbench-bundles-")
        self._running: dict[str, _Running] = {}
        self._count = 0

    def submit(self, bundle: Bundle) -> str:
        """Start a process for a bundle; see :class:`Executor`."""
        self._count += 1
        ticket = f"{self._count}-{bundle.bundle_id}"
        path = Path(self._folder.name) / f"{ticket}.json"
        bundle.write(path)
        output = path.with_suffix(".records")
        with path.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "rnnbench", "worker", str(path), "-o", str(output)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # Ctrl-C must reach the driver alone
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        self._running[ticket] = _Running(process, output)
        return ticket

    def poll(self, seconds: float) -> Sequence[Event]:
        """Return new records and ends; see :class:`Executor`."""
        until = time.monotonic() + seconds
        while True:
            if events := list(self._events()):
                return events
            if time.monotonic() >= until:
                return ()
            time.sleep(min(_PAUSE, max(0.0, until - time.monotonic())))

    def cancel(self, ticket: str, *, at_once: bool = False) -> None:
        """End the process of a bundle; see :class:`Executor`."""
        if (running := self._running.get(ticket)) is not None:
            with contextlib.suppress(ProcessLookupError):
                running.process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)

    def close(self) -> None:
        """End all processes and remove their files."""
        for ticket in self._running:
            self.cancel(ticket)
        until = time.monotonic() + _GRACE
        for running in self._running.values():
            try:
                running.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
        self._running.clear()
        self._folder.cleanup()

    def _events(self) -> Iterator[Event]:
        for ticket, running in list(self._running.items()):
            # before the records are read, so that none is missed
            code = running.process.poll()
            for record in read_output(running.output):
                if record.trial_id not in running.seen:
                    running.seen.add(record.trial_id)
                    weights = weights_beside(running.output) / f"{record.trial_id}.safetensors"
                    content = weights.read_bytes() if weights.exists() else None
                    yield Finished(ticket, record, content)
            if code is not None:
                del self._running[ticket]
                yield self._ended(ticket, code)

    def _ended(self, ticket: str, code: int) -> Ended:
        log = Path(self._folder.name) / f"{ticket}.log"
        lines = log.read_text(errors="replace").splitlines()
        if code == REFUSED:
            said = lines[-1] if lines else "it was refused"
            return Ended(ticket, refused=message_line(said.removeprefix("rnnbench: ")))
        if code == 0:
            return Ended(ticket)
        return Ended(ticket, lost=message_line(f"rnnbench worker {ending_of(code)}"))
