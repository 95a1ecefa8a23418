"""The driver's side of isolated processes: start jobs, hear from them, keep their limits, know how
each ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rnnbench.errors import RnnbenchError, one_line
from rnnbench.execution.isolation.framing import receive_frame, send_frame
from rnnbench.execution.isolation.mailbox import Mailbox, Tail
from rnnbench.execution.isolation.outcome import KillReason, Outcome, ending_of

GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""
READ_SIZE = 1 << 16
LEFT_IN_A_PIPE = 1 << 20
"""Bytes that a pipe can hold at most; what still comes after them is somebody else's who inherited
it.
"""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

# The import path comes first: it may be the only way to rnnbench.
_START_SERVER = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from rnnbench.execution.isolation.server import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


@dataclass(eq=False)
class Job:
    """One isolated process that is running, or waits to be forked."""

    number: int
    name: str
    limit: float | None
    results: int
    log: int
    started: float = field(default_factory=time.monotonic)
    pid: int = 0
    mailbox: Mailbox = field(default_factory=Mailbox)
    tail: Tail = field(default_factory=Tail)
    killed: KillReason | None = None
    kill_at: float | None = None
    ending: str | None = None

    @property
    def progress(self) -> tuple[int, float] | None:
        """The latest (step, loss) that it told, or ``None``."""
        return self.mailbox.progress

    @property
    def deadline(self) -> float:
        """When the driver has to act on it next, on the monotonic clock."""
        if self.kill_at is not None:
            return self.kill_at
        limited = self.limit is not None and self.pid and not self.killed
        return self.started + self.limit if limited and self.limit is not None else float("inf")


class Processes:
    """Isolated processes forked from one server.

    Args:
        threads: threads that torch may use in each; set before torch loads.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._selector = selectors.DefaultSelector()
        self._jobs: dict[int, Job] = {}
        self._count = 0
        self._link: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._closed = False
        self._launch()

    @property
    def server_pid(self) -> int | None:
        """The process that jobs are forked from, if it runs."""
        return self._server.pid if self._server is not None and self._link is not None else None

    @property
    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        return list(self._jobs.values())

    def start(
        self,
        name: str,
        job: dict[str, Any],
        *,
        limit: float | None = None,
        memory: int | None = None,
    ) -> Job:
        """Start ``job`` in a process of its own.

        ``limit`` is its wall-clock limit in seconds, ``memory`` its limit of address space in
        bytes.
        """
        if self._link is None:
            self._launch()
        assert self._link is not None
        self._count += 1
        results_read, results_write = os.pipe()
        log_read, log_write = os.pipe()
        started = Job(self._count, name, limit, results_read, log_read)
        self._jobs[started.number] = started
        for descriptor, take in (
            (results_read, started.mailbox.feed),
            (log_read, started.tail.feed),
        ):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, take)
        try:
            send_frame(
                self._link,
                {"start": started.number, "job": job, "memory": memory},
                (results_write, log_write),
            )
        except ConnectionError:
            pass  # the server is gone; its end of the socket says so next
        finally:
            os.close(results_write)
            os.close(log_write)
        return started

    def poll(self, timeout: float) -> list[tuple[Job, Outcome]]:
        """Wait up to ``timeout`` seconds for something to happen; return the jobs that ended.

        Raises:
            RnnbenchError: the server that processes are forked from cannot be started.
        """
        until = min((job.deadline for job in self.running), default=float("inf"))
        for key, _ in self._selector.select(max(0.0, min(timeout, until - time.monotonic()))):
            if key.data is None:
                self._read_server()
            else:
                self._read_pipe(key.fd, key.data)
        self._keep_limits()
        return list(self._collect())

    def stop(self, job: Job, reason: KillReason) -> None:
        """End a job: SIGTERM to its group now, SIGKILL after the grace."""
        if job.killed is None:
            job.killed = reason
            job.kill_at = time.monotonic() + GRACE_SECONDS
            self._signal(job, signal.SIGTERM)

    def kill(self, job: Job, reason: KillReason) -> None:
        """End a job at once: SIGKILL to its group."""
        job.killed = job.killed or reason
        job.kill_at = None
        self._signal(job, signal.SIGKILL)

    def close(self) -> None:
        """End the server; it kills whatever still runs. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        self._end_server(patience=GRACE_SECONDS if self._ready else 0.0)
        for job in self.running:
            self._forget(job)
        self._selector.close()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _launch(self) -> None:
        self._ready = False
        ours, theirs = socket.socketpair()
        environment = dict(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(self._threads)))
        environment.setdefault(
            "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
        )  # what deterministic cuBLAS asks for
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 - sys.path holds strings
        with theirs:
            self._server = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _START_SERVER,
                    str(theirs.fileno()),
                    str(os.getpid()),
                    path,
                ],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
                # libraries that talk while they load would write into the user's view
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the driver's alone
            )
        self._link = ours
        self._selector.register(ours, selectors.EVENT_READ, None)

    def _end_server(self, patience: float) -> int:
        """Let the server end by itself, or kill it; return its exit code."""
        assert self._server is not None
        if self._link is not None:
            self._selector.unregister(self._link)
            self._link.close()
            self._link = None
        try:
            code = self._server.wait(patience)
        except subprocess.TimeoutExpired:
            self._server.kill()
            code = self._server.wait()
        if code != 0:  # the kernel kills a dead server's children, but not what these have started
            for job in self.running:
                if job.pid:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(job.pid, signal.SIGKILL)
        return code

    def _read_server(self) -> None:
        assert self._link is not None
        try:
            received = receive_frame(self._link)
        except ConnectionError:
            received = None
        match received and received[0]:
            case None:
                self._lose_server()
            case {"ready": True}:
                self._ready = True
            case {"broken": reason}:
                self._lose_server(one_line(reason))
            case {"started": number, "pid": pid}:
                job = self._jobs[number]
                job.pid, job.started = pid, time.monotonic()
            case {"ended": number, "code": code}:
                self._jobs[number].ending = ending_of(code)
            case {"refused": number, "reason": reason}:
                self._jobs[number].ending = reason

    def _lose_server(self, reason: str | None = None) -> None:
        was_ready = self._ready
        ending = ending_of(self._end_server(patience=GRACE_SECONDS)).removesuffix(
            " without a result"
        )
        for job in self.running:
            job.ending = f"lost with the process that it was forked from ({ending})"
        if not was_ready:
            raise RnnbenchError(
                f"the process that trials are forked from could not start: {reason or ending}; "
                "type rnnbench doctor to see what is wrong with the installation."
            )

    def _read_pipe(self, descriptor: int, take: Any) -> int:
        """Read what is there, up to a limit; return how much it was."""
        try:
            content = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return 0
        if content:
            take(content)
        elif descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)  # closed at the other end
        return len(content)

    def _keep_limits(self) -> None:
        now = time.monotonic()
        for job in self.running:
            if now < job.deadline:
                continue
            if job.kill_at is None:
                self.stop(job, "timeout")
            else:
                job.kill_at = None
                self._signal(job, signal.SIGKILL)

    def _signal(self, job: Job, number: int) -> None:
        if self._link is not None and job.ending is None:
            with contextlib.suppress(
                ConnectionError
            ):  # the server is gone; its end of the socket says so next
                send_frame(self._link, {"signal": job.number, "number": int(number)})

    def _collect(self) -> Iterator[tuple[Job, Outcome]]:
        for job in self.running:
            if job.ending is None:
                continue
            seconds = time.monotonic() - job.started
            for descriptor, take in ((job.results, job.mailbox.feed), (job.log, job.tail.feed)):
                left = LEFT_IN_A_PIPE
                while left > 0 and (size := self._read_pipe(descriptor, take)):
                    left -= size
            self._forget(job)
            said = job.mailbox.last or {}
            yield job, Outcome(said.get("result"), said.get("error"), said.get("traceback"), bool(said.get("usage")),
                               job.ending, job.killed, seconds, job.tail.text())  # fmt: skip

    def _forget(self, job: Job) -> None:
        for descriptor in (job.results, job.log):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
            os.close(descriptor)
        del self._jobs[job.number]
