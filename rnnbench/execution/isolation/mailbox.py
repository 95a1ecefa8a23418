"""What arrives from an isolated process. It may be anything: the process runs code that nobody
vouches for.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

MESSAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of one message; a longer one is dropped, so that a process gone mad cannot fill the
driver's memory.
"""
LOG_LIMIT = 64 * 1024
"""Bytes of a job's output that are kept: the last ones."""


class Mailbox:
    """Messages as lines of JSON; whatever is none of them is passed over.

    Attributes:
        progress: the latest (step, loss), or ``None``.
        last: the message that ended the job (``result`` or ``error``), or ``None``.
    """

    def __init__(self) -> None:
        self.progress: tuple[int, float] | None = None
        self.last: dict[str, Any] | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, content: bytes) -> None:
        """Take in the next bytes."""
        *ends, rest = content.split(b"\n")
        for end in ends:
            self._append(end)
            if self._size <= MESSAGE_LIMIT:
                self._read(b"".join(self._parts))
            self._parts, self._size = [], 0
        self._append(rest)

    def _append(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MESSAGE_LIMIT:
            self._parts = []
        elif part:
            self._parts.append(part)

    def _read(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        match message:
            case {"progress": [int(step), int() | float() as loss]}:
                self.progress = (step, float(loss))
            case {"result": _} | {"error": str()}:
                self.last = message


class Tail:
    """The end of a job's output."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0

    def feed(self, content: bytes) -> None:
        """Take in the next bytes and forget the oldest beyond the limit."""
        self._parts.append(content)
        self._size += len(content)
        while self._size - len(self._parts[0]) >= LOG_LIMIT:
            self._size -= len(self._parts.popleft())

    def text(self) -> str:
        """Return what is kept; bytes that are no UTF-8 are replaced."""
        return b"".join(self._parts)[-LOG_LIMIT:].decode(errors="replace")
