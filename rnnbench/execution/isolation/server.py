"""The server that every trial is forked from: torch and Lightning are imported once, each trial is
a process of its own.

Started with a Unix stream socket to the driver (:mod:`rnnbench.execution.isolation.framing`).
Requests: ``{"start": id, "job": {...}, "memory": bytes or null}`` with two file descriptors (the
pipe for results, the pipe for the log), ``{"signal": id, "number": n}``. Replies: ``{"ready":
true}`` once everything is imported or ``{"broken": reason}``, ``{"started": id, "pid": n}``,
``{"ended": id, "code": n}`` (negative: the signal) once no process of the trial's group is left, or
``{"refused": id, "reason": text}`` when no process could be forked.

Rules that keep forking safe: nothing here runs torch work, imports a plugin or starts a thread.
When the driver goes away, whatever way, the socket closes, and the server kills every group and
ends; should the server itself be killed, the kernel kills its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import selectors
import signal
import socket
import sys
import time
from typing import Any

import psutil

from rnnbench.execution.isolation.framing import receive_frame, send_frame

PRELOAD = (
    "torch",
    "pytorch_lightning",
    "rnnbench.execution.isolation.worker",
    "rnnbench.execution.jobs.trial",
)
FAREWELL_SECONDS = 1.0
"""How long killed processes are waited for; the kernel needs a moment to take their memory back."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class ForkServer:
    """Fork, signal and reap; one thread, one loop."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._children: dict[int, int] = {}  # process id -> trial's number
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def serve(self) -> None:
        """Serve until the driver is gone; then leave nothing behind."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._selector.register(self._link, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        try:
            while True:
                ready = {key.fileobj for key, _ in self._selector.select()}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if self._link in ready and not self._answer():
                    return
        except ConnectionError:
            return
        finally:
            for pid in self._children:
                _kill_group(pid, signal.SIGKILL)
            _kill_descendants()

    def _answer(self) -> bool:
        received = receive_frame(self._link)
        if received is None:
            return False
        request, descriptors = received
        if "start" in request:
            self._start(request, descriptors)
        else:
            for pid, number in self._children.items():
                if number == request["signal"]:
                    _kill_group(pid, request["number"])
        return True

    def _start(self, request: dict[str, Any], descriptors: list[int]) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            reply = {
                "refused": request["start"],
                "reason": f"no process could be started: {error.strerror}",
            }
        else:
            if pid == 0:
                self._live_as_child(server, request, *descriptors)
            self._children[pid] = request["start"]
            reply = {"started": request["start"], "pid": pid}
        for descriptor in descriptors:
            os.close(descriptor)
        send_frame(self._link, reply)

    def _live_as_child(self, server: int, request: dict[str, Any], results: int, log: int) -> None:
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
            self._link.close()
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            os.set_inheritable(
                results, False
            )  # programs that the trial starts have no business there
            _take_over_output(log)
            from rnnbench.execution.isolation import worker

            worker.run(request["job"], results, memory=request["memory"])
            code = 0
        finally:
            os._exit(code)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):  # none is left
            while (
                found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            ) is not None:
                # not reaped yet, so the group's number cannot have been given to anyone else
                _kill_group(found.si_pid, signal.SIGKILL)
                _, status = os.waitpid(found.si_pid, 0)
                number = self._children.pop(found.si_pid, None)
                if number is not None:
                    _wait_for_group(found.si_pid)
                    send_frame(
                        self._link, {"ended": number, "code": os.waitstatus_to_exitcode(status)}
                    )
            if not self._children:
                _kill_descendants()  # such as left their trial's group


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)  # forked, but not yet the leader of its group


def _wait_for_group(pid: int) -> None:
    """Wait until the kernel has ended what was killed; this process inherits orphans, and has to
    reap them.
    """
    deadline = time.monotonic() + FAREWELL_SECONDS
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-pid, os.WNOHANG)
            time.sleep(0.001)


def _kill_descendants() -> None:
    """Kill every process that descends from this one, those included that made themselves sessions
    of their own.
    """
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


def _take_over_output(log: int) -> None:
    """Have everything that this process writes go to the log, line by line, so that a crash does
    not take it along.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(nothing)
    os.close(log)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = open(  # noqa: SIM115 - it stays open as long as the process lives
            descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )
        setattr(sys, name, stream)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":  # elsewhere the closing socket has to do
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(descriptor: int, driver: int) -> None:
    """Load what every trial needs, then serve the driver at the other end of the socket
    ``descriptor``.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    _die_with(driver)  # while it loads it does not listen
    link = socket.socket(fileno=descriptor)
    gc.disable()  # what is imported stays; looking for garbage among it takes an eighth of the time
    try:
        for name in PRELOAD:
            __import__(name)
        from rnnbench.execution.isolation import preload

        preload.prepare()
    except BaseException as error:
        send_frame(link, {"broken": f"{type(error).__name__}: {error}"})
        return
    gc.freeze()  # so that collections in the children do not copy the pages they share
    gc.enable()
    _prctl(
        _PR_SET_PDEATHSIG, 0
    )  # from here on the socket tells, and there is time to end the trials in order
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with contextlib.suppress(ConnectionError):
        send_frame(link, {"ready": True})
        ForkServer(link).serve()
    os._exit(0)  # taking torch down in order would take longer than many a trial
