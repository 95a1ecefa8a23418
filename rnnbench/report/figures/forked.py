"""Share work that needs no input out among processes: drawing figures is most of what a report
takes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import struct
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

T = TypeVar("T")

MOST_PROCESSES = 8
PATIENCE = 3.0
"""Times as long as this process worked itself is what the others are waited for; what they still
owe is done here.
"""
LEAST_PATIENCE_SECONDS = 10.0
_NUMBER = struct.Struct("=H")
_MOST_WORK = 4096 // _NUMBER.size  # what fits into any pipe at once


def results_of(work: Sequence[Callable[[], T]], processes: int) -> list[T]:
    """Call everything in ``work`` and return what each call returned, in order.

    With more than one process, all but the first are forked from this one, so that they start at
    once with everything in memory, and whoever is free takes the next piece of work. What one of
    them fails to deliver is called again here, so that an exception is raised here as it would have
    been without them. Off Linux, where forking is not safe, all is called here.
    """
    others = min(processes, MOST_PROCESSES, len(work)) - 1
    if others < 1 or len(work) > _MOST_WORK or sys.platform != "linux":
        return [call() for call in work]
    taken, numbers = os.pipe()
    os.write(numbers, b"".join(_NUMBER.pack(place) for place in range(len(work))))
    os.close(numbers)
    helpers = [_start(work, taken) for _ in range(others)]
    started = time.monotonic()
    try:
        done = {place: work[place]() for place in _places(taken)}
        until = time.monotonic() + max(
            LEAST_PATIENCE_SECONDS, PATIENCE * (time.monotonic() - started)
        )
        for _, link in helpers:
            if link.poll(max(0.0, until - time.monotonic())):
                done |= _received(link)
    finally:
        os.close(taken)
        for process, link in helpers:
            link.close()
            process.kill()
            process.join()
    return [done[place] if place in done else call() for place, call in enumerate(work)]


def _start(work: Sequence[Callable[[], T]], taken: int) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_help, args=(work, taken, theirs), daemon=True)
    with warnings.catch_warnings():
        # of threads in this process: those of numpy's linear algebra, which knows how to be forked
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    return process, ours


def _help(work: Sequence[Callable[[], T]], taken: int, link: Connection) -> None:
    done: dict[int, T] = {}
    with contextlib.suppress(Exception):  # called again where somebody hears of it
        for place in _places(taken):
            done[place] = work[place]()
    link.send(done)


def _places(taken: int) -> Iterator[int]:
    """Yield the places of work that nobody else has taken."""
    while content := os.read(taken, _NUMBER.size):
        yield _NUMBER.unpack(content)[0]


def _received(link: Connection) -> dict[int, T]:
    try:
        received: dict[int, T] = link.recv()
    except (EOFError, OSError):
        return {}  # it ended before it had sent everything
    return received
