"""Call independent functions in forked processes; drawing figures is most of a report's time."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

T = TypeVar("T")

MOST_PROCESSES = 8
_calls: Sequence[Callable[[], Any]] = ()
"""In a worker: the functions that the parent had when it forked."""


def call_all(calls: Sequence[Callable[[], T]], processes: int) -> list[T]:
    """Call every function and return the results in the order of ``calls``.

    With more than one process, forked workers make the calls: a function may hold any data, since
    a worker inherits it, but its result is pickled. An exception of a call is raised here. If a
    worker dies, everything is called again in this process.

    Where :func:`can_fork` is false this process makes all calls itself.
    """
    workers = min(processes, MOST_PROCESSES, len(calls))
    if workers < 2 or not can_fork():
        return [call() for call in calls]
    with warnings.catch_warnings():
        # Python warns of any thread; numpy's linear algebra has some, which are safe to fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), initializer=_inherit, initargs=(calls,)
        )
        with pool:
            try:
                return list(pool.map(_call, range(len(calls))))
            except BrokenProcessPool:
                return [call() for call in calls]


def can_fork() -> bool:
    """Whether this process may be forked: on Linux, without other Python threads.

    Native threads do not matter: a worker runs numpy and matplotlib only. The linear algebra of
    numpy can be forked, and the thread pools of torch, which cannot, are not used.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def _inherit(calls: Sequence[Callable[[], Any]]) -> None:
    global _calls
    _calls = calls


def _call(place: int) -> Any:
    return _calls[place]()
