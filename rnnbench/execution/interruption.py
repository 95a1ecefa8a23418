"""Ctrl-C and SIGTERM: once to end in order, twice to end at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Counts the signals that ask this process to end, instead of raising wherever it happens to
    be.

    Used as a context; outside the main thread (a notebook's worker, say) Python allows no handlers,
    and it counts none.
    """

    def __init__(self) -> None:
        self.count = 0
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """What the shell expects of a process ended so: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.number or signal.SIGINT)

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _: FrameType | None) -> None:
        self.count += 1
        self.number = number
