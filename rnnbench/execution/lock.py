"""One advisory lock for all rnnbench runs on the machine.

Trials share it; the speed pass holds it exclusively. It consists of two files, locked by ``flock``,
so that a waiting speed pass is not starved: the speed pass locks the *queue* file before it waits
for the *lock* file, and no trial starts while the queue file is locked.

``filelock.ReadWriteLock`` was tried: polled without blocking, it starves a waiting writer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rnnbench.errors import OutputError

FOLDER_VARIABLE = "RNNBENCH_LOCK_DIR"


class MachineLock:
    """The machine's lock as held by one run. Closed after use; it ends with the process, too."""

    def __init__(self) -> None:
        default = Path(tempfile.gettempdir()) / f"rnnbench-{os.getuid()}"
        folder = Path(os.environ.get(FOLDER_VARIABLE) or default)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._queue = os.open(folder / "queue.lock", flags, 0o600)
            self._lock = os.open(folder / "machine.lock", flags, 0o600)
        except OSError as error:
            raise OutputError(
                f"the lock of rnnbench runs cannot be made in {folder}: {error.strerror}. "
                f"Set {FOLDER_VARIABLE} to a folder that can be written."
            ) from None
        self._shared = False

    def shared(self) -> bool:
        """Take the shared lock if it is not held yet; return whether a trial may start.

        ``False`` while another run holds the lock exclusively or waits to do so.
        """
        if not _try(self._queue, fcntl.LOCK_SH):
            return False
        fcntl.flock(self._queue, fcntl.LOCK_UN)
        self._shared = self._shared or _try(self._lock, fcntl.LOCK_SH)
        return self._shared

    def release(self) -> None:
        """Release the shared lock, since no trial of this run is running."""
        if self._shared:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self._shared = False

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Callable[[], bool]]:
        """Queue for the exclusive lock, and release it at the end of the block.

        Yields a function that returns whether the lock has been acquired. It does not block: call
        it again while it returns ``False``.
        """
        self.release()
        is_first = False

        def acquired() -> bool:
            nonlocal is_first
            is_first = is_first or _try(self._queue, fcntl.LOCK_EX)
            return is_first and _try(self._lock, fcntl.LOCK_EX)

        try:
            yield acquired
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release and close both files."""
        os.close(self._queue)
        os.close(self._lock)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
