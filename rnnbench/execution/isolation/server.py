"""The fork server: torch and Lightning are imported once, and every job is forked from here.

It has a connection to the driver (see :mod:`rnnbench.execution.isolation.link`). Requests:
``{"start": number}``, followed by the job as JSON and two file descriptors (the pipes for messages
and for output), and ``{"signal": number, "number": n}``. Replies: ``{"ready": true}`` once
everything is imported or ``{"broken": reason}``, ``{"started": number, "pid": n}``,
``{"ended": number, "code": n}`` (negative: the signal) once no process of the job's group is left,
or ``{"refused": number, "reason": text}`` when no process could be forked.

Rules that keep forking safe: no torch operation, no import of a plugin and no thread in this
process. When the driver is gone, the connection closes; the server then kills every group and ends.
If the server itself is killed, the kernel kills its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import selectors
import signal
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

import psutil

from rnnbench.execution.isolation import link, worker

PRELOAD = (
    "torch",
    "pytorch_lightning",
    "rnnbench.execution.jobs.trial",
)
FAREWELL_SECONDS = 1.0
"""Wait for killed processes, in seconds; the kernel needs time to reclaim their memory."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class ForkServer:
    """Fork, signal and reap, in one thread and one loop."""

    def __init__(self, driver: Connection) -> None:
        self._driver = driver
        self._children: dict[int, int] = {}  # process id -> job's number
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def serve(self) -> None:
        """Answer requests until the driver is gone, then kill every process left."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._selector.register(self._driver, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        try:
            while True:
                ready = {key.fileobj for key, _ in self._selector.select()}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if self._driver in ready and not self._answer():
                    return
        except (EOFError, OSError):
            return
        finally:
            for pid in self._children:
                _kill_group(pid, signal.SIGKILL)
            _kill_descendants()

    def _answer(self) -> bool:
        request = link.receive(self._driver)
        if request is None:
            return False
        if "start" in request:
            job = self._driver.recv_bytes()
            self._start(request["start"], job, recv_handle(self._driver), recv_handle(self._driver))
        else:
            for pid, number in self._children.items():
                if number == request["signal"]:
                    _kill_group(pid, request["number"])
        return True

    def _start(self, number: int, job: bytes, results: int, log: int) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            reason = f"no process could be started: {error.strerror}"
            reply = {"refused": number, "reason": reason}
        else:
            if pid == 0:
                self._live_as_child(server, job, results, log)
            self._children[pid] = number
            reply = {"started": number, "pid": pid}
        os.close(results)
        os.close(log)
        link.send(self._driver, reply)

    def _live_as_child(self, server: int, job: bytes, results: int, log: int) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            _die_with(server)
            resource.setrlimit(
                resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
            )
            self._driver.close()
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            # Programs that the job starts must not write messages.
            os.set_inheritable(results, False)
            _redirect_output(log)
            worker.run(job, results)
            code = 0
        finally:
            os._exit(code)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):  # none is left
            while (
                found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            ) is not None:
                # Before it is reaped, since only then the group's number cannot be in use again.
                _kill_group(found.si_pid, signal.SIGKILL)
                _, status = os.waitpid(found.si_pid, 0)
                number = self._children.pop(found.si_pid, None)
                if number is not None:
                    _wait_for_group(found.si_pid)
                    code = os.waitstatus_to_exitcode(status)
                    link.send(self._driver, {"ended": number, "code": code})
            if not self._children:
                _kill_descendants()  # those that left their job's group


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)  # forked, but not yet the leader of its group


def _wait_for_group(pid: int) -> None:
    """Wait until the killed processes of a group are gone; orphans are reaped here."""
    deadline = time.monotonic() + FAREWELL_SECONDS
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-pid, os.WNOHANG)
            time.sleep(0.001)


def _kill_descendants() -> None:
    """Kill every descendant of this process, including those in sessions of their own."""
    deadline = time.monotonic() + FAREWELL_SECONDS
    this = psutil.Process()
    while time.monotonic() < deadline and (descendants := this.children(recursive=True)):
        for process in descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)


def _redirect_output(log: int) -> None:
    """Redirect stdout and stderr to the log, line-buffered, so that a crash loses no full line."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(nothing)
    os.close(log)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = open(  # noqa: SIM115 - open until the process ends
            descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        setattr(sys, name, stream)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":  # elsewhere, only the closed connection ends a process
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(descriptor: int, driver: int) -> None:
    """Import what every job needs, then serve the driver over the socket ``descriptor``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the driver handles them
    _die_with(driver)  # until the imports are done, the connection is not read
    connection = Connection(descriptor)
    # Imported modules stay: collecting garbage among them takes an eighth of the time.
    gc.disable()
    try:
        for name in PRELOAD:
            __import__(name)
        from rnnbench.execution.jobs import plugins

        plugins.fill_caches()
    except BaseException as error:
        link.send(connection, {"broken": f"{type(error).__name__}: {error}"})
        return
    gc.freeze()  # collections in the children must not copy the pages they share
    gc.enable()
    # From here on the connection shows the driver's end, with time to end the jobs in order.
    _prctl(_PR_SET_PDEATHSIG, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with contextlib.suppress(ConnectionError):
        link.send(connection, {"ready": True})
        ForkServer(connection).serve()
    os._exit(0)  # tearing torch down takes longer than many a trial
