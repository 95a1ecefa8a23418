"""One advisory lock for every rnnbench on the machine: trials share it, the speed pass has it
alone.

Two files make it fair. Whoever wants the machine alone holds the *turnstile* while it waits for the
*room* to empty; whoever wants to start a trial must pass the turnstile first, so that new trials
cannot keep a waiting speed pass out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rnnbench.errors import OutputError

FOLDER_VARIABLE = "RNNBENCH_LOCK_DIR"


class Machine:
    """The machine as rnnbench processes share it; keep one object for a run, and close it."""

    def __init__(self) -> None:
        default = Path(tempfile.gettempdir()) / f"rnnbench-{os.getuid()}"
        folder = Path(os.environ.get(FOLDER_VARIABLE) or default)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._turnstile = os.open(
                folder / "turnstile.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            self._room = os.open(folder / "room.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OutputError(
                f"the lock that keeps speed measurements alone cannot be made in {folder}: {error.strerror}. "
                f"Set {FOLDER_VARIABLE} to a folder that can be written."
            ) from None
        self._inside = False

    def enter(self) -> bool:
        """Join those who run trials; ``False`` while somebody measures speed or waits to."""
        if self._inside and self._passes(self._turnstile):
            return True
        if self._inside:
            return False
        if self._passes(self._turnstile) and _try(self._room, fcntl.LOCK_SH):
            self._inside = True
        return self._inside

    def leave(self) -> None:
        """Say that none of this run's trials is running."""
        if self._inside:
            fcntl.flock(self._room, fcntl.LOCK_UN)
            self._inside = False

    @contextlib.contextmanager
    def waiting_alone(self) -> Iterator[Alone]:
        """Queue for the machine alone; nobody starts a trial from here on. See :class:`Alone`."""
        self.leave()
        alone = Alone(self._turnstile, self._room)
        try:
            yield alone
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of everything."""
        os.close(self._turnstile)
        os.close(self._room)

    @staticmethod
    def _passes(turnstile: int) -> bool:
        passed = _try(turnstile, fcntl.LOCK_SH)
        if passed:
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        return passed


class Alone:
    """A place in the queue for the machine alone."""

    def __init__(self, turnstile: int, room: int) -> None:
        self._turnstile = turnstile
        self._room = room
        self._queued = False

    def ready(self) -> bool:
        """Whether everybody else has left; ask again while it is ``False``."""
        self._queued = self._queued or _try(self._turnstile, fcntl.LOCK_EX)
        return self._queued and _try(self._room, fcntl.LOCK_EX)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
