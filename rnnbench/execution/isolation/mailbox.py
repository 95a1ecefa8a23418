"""Messages and output of an isolated process: untrusted, bounded, and ignored if malformed.

Messages are lines of JSON rather than the frames of ``multiprocessing.connection``: a reader of
frames blocks on a partial one and is lost after a foreign byte, and a plugin may write anything
into the pipe.
"""

from __future__ import annotations

from collections import deque

from pydantic import TypeAdapter, ValidationError

from rnnbench.execution.jobs.messages import Failure, JobResult, Message, Progress, Success

MESSAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of one message; longer ones are dropped. It bounds the driver's memory use."""
LOG_LIMIT = 64 * 1024
"""Bytes of a job's output that are kept: the last ones."""


class Mailbox:
    """The messages of one job.

    Args:
        reader: validates the messages; lines that it rejects are ignored.

    Attributes:
        progress: the latest progress, or ``None``.
        answer: the latest message that ended the job, or ``None``.
    """

    def __init__(self, reader: TypeAdapter[Message]) -> None:
        self.progress: Progress | None = None
        self.answer: Success[JobResult] | Failure | None = None
        self._size = 0
        self._reader = reader
        self._parts: list[bytes] = []
        self._too_long = False

    def feed(self, content: bytes) -> None:
        """Add the next bytes."""
        *ends, rest = content.split(b"\n")
        for end in ends:
            self._append(end)
            if not self._too_long:
                self._read(b"".join(self._parts))
            self._clear()
            self._too_long = False
        self._append(rest)

    def _append(self, part: bytes) -> None:
        self._too_long = self._too_long or self._size + len(part) > MESSAGE_LIMIT
        if self._too_long:
            self._clear()
        elif part:
            self._parts.append(part)
            self._size += len(part)

    def _clear(self) -> None:
        self._parts = []
        self._size = 0

    def _read(self, line: bytes) -> None:
        try:
            message = self._reader.validate_json(line)
        except ValidationError:
            return
        if isinstance(message, Progress):
            self.progress = message
        else:
            self.answer = message


class Tail:
    """The end of a job's output."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0

    def feed(self, content: bytes) -> None:
        """Add the next bytes and drop the oldest beyond the limit."""
        self._parts.append(content)
        self._size += len(content)
        while self._size - len(self._parts[0]) >= LOG_LIMIT:
            self._size -= len(self._parts.popleft())

    def text(self) -> str:
        """Return the bytes kept as text; bytes that are not UTF-8 are replaced."""
        return b"".join(self._parts)[-LOG_LIMIT:].decode(errors="replace")
