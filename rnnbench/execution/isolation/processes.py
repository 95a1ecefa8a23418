"""The driver's side: start jobs, read their messages, enforce their limits, note their ends."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any

from rnnbench.errors import RnnbenchError
from rnnbench.execution.environment import THREAD_VARIABLES, without_launchers
from rnnbench.execution.isolation import link
from rnnbench.execution.isolation.mailbox import Mailbox, Tail
from rnnbench.execution.isolation.outcome import KillReason, Outcome, ending_of
from rnnbench.execution.jobs.messages import Failure, Job, Progress, Success, answers_to

GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""
READ_SIZE = 1 << 16
LEFT_IN_A_PIPE = 1 << 20
"""Upper bound on the content of a pipe; more comes only from a process that inherited it."""

# The import path comes first: it may be the only way to rnnbench.
_START_SERVER = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from rnnbench.execution.isolation.server import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


@dataclass(eq=False)
class RunningJob:
    """A job whose process is running or about to be forked."""

    number: int
    job: Job
    limit: float | None
    results: int
    log: int
    mailbox: Mailbox
    tail: Tail = field(default_factory=Tail)
    started: float = field(default_factory=time.monotonic)
    pid: int = 0
    killed: KillReason | None = None
    kill_at: float | None = None
    ending: str | None = None

    @property
    def progress(self) -> Progress | None:
        """The latest progress of the training, or ``None``."""
        return self.mailbox.progress

    @property
    def deadline(self) -> float:
        """The time of the driver's next action on the job, on the monotonic clock."""
        if self.kill_at is not None:
            return self.kill_at
        if self.limit is not None and self.pid and not self.killed:
            return self.started + self.limit
        return float("inf")


class Processes:
    """Run jobs in processes forked from one server that has torch and Lightning loaded.

    Own code rather than ``multiprocessing`` or loky, for measured reasons: a process starts in
    19 ms instead of 2.8 s, a user's script needs no ``__main__`` guard, and each job is a process
    group that is killed as a whole.

    Covered: a job that crashes, hangs, ignores SIGTERM, leaves children behind, runs out of memory
    or writes garbage; SIGKILL of the server (its jobs end, the next one starts a new server) and of
    the driver (everything ends). Not covered: malicious code, other machines, Windows; without
    Linux's ``prctl``, a killed server leaves its jobs running.

    Used as a context, or closed. One thread may use it.

    Args:
        threads: threads that torch may use in each process; set before torch loads.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._selector = selectors.DefaultSelector()
        self._jobs: dict[int, RunningJob] = {}
        self._count = 0
        self._link: Connection | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._closed = False
        self._launch()

    @property
    def running(self) -> list[RunningJob]:
        """The jobs that have not ended."""
        return list(self._jobs.values())

    def start(self, job: Job, *, limit: float | None = None) -> RunningJob:
        """Start ``job`` in a process of its own; ``limit`` is its wall-clock limit in seconds."""
        if self._link is None:
            self._launch()
        assert self._link is not None
        self._count += 1
        results_read, results_write = os.pipe()
        log_read, log_write = os.pipe()
        started = RunningJob(
            self._count, job, limit, results_read, log_read, Mailbox(answers_to(job))
        )
        self._jobs[started.number] = started
        for descriptor, take in (
            (results_read, started.mailbox.feed),
            (log_read, started.tail.feed),
        ):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, take)
        try:
            link.send(self._link, {"start": started.number})
            self._link.send_bytes(job.model_dump_json().encode())
            for descriptor in (results_write, log_write):
                send_handle(self._link, descriptor, None)
        except ConnectionError:
            pass  # the server is gone; the next poll finds its end of the link closed
        finally:
            os.close(results_write)
            os.close(log_write)
        return started

    def poll(self, timeout: float) -> list[tuple[RunningJob, Outcome]]:
        """Wait up to ``timeout`` seconds for an event; return the jobs that have ended.

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

    def stop(
        self, job: RunningJob, reason: KillReason = "interrupted", *, at_once: bool = False
    ) -> None:
        """End a job's process group: SIGTERM, and SIGKILL after two seconds or ``at_once``."""
        if at_once:
            job.killed = job.killed or reason
            job.kill_at = None
            self._signal(job, signal.SIGKILL)
        elif job.killed is None:
            job.killed = reason
            job.kill_at = time.monotonic() + GRACE_SECONDS
            self._signal(job, signal.SIGTERM)

    def close(self) -> None:
        """End the server, which kills the jobs that still run. Closing twice does nothing."""
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
        ours, theirs = Pipe()
        environment = without_launchers(os.environ)
        environment.update(dict.fromkeys(THREAD_VARIABLES, str(self._threads)))
        # Deterministic cuBLAS requires it.
        environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
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
                # Some libraries print while they load.
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C must reach the driver alone.
                start_new_session=True,
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
        if code != 0:
            # The kernel kills a dead server's children, but not their own children.
            for job in self.running:
                if job.pid:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(job.pid, signal.SIGKILL)
        return code

    def _read_server(self) -> None:
        assert self._link is not None
        match link.receive(self._link):
            case None:
                self._lose_server()
            case {"ready": True}:
                self._ready = True
            case {"broken": reason}:
                self._lose_server(reason)
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
                "type rnnbench doctor to check the installation."
            )

    def _read_pipe(self, descriptor: int, take: Any) -> int:
        """Read the bytes available, up to a limit; return their number."""
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
            self.stop(job, "timeout", at_once=job.kill_at is not None)

    def _signal(self, job: RunningJob, number: int) -> None:
        if self._link is not None and job.ending is None:
            # If the server is gone, the next poll finds its end of the link closed.
            with contextlib.suppress(ConnectionError):
                link.send(self._link, {"signal": job.number, "number": int(number)})

    def _collect(self) -> Iterator[tuple[RunningJob, Outcome]]:
        for job in self.running:
            if job.ending is None:
                continue
            seconds = time.monotonic() - job.started
            for descriptor, take in ((job.results, job.mailbox.feed), (job.log, job.tail.feed)):
                left = LEFT_IN_A_PIPE
                while left > 0 and (size := self._read_pipe(descriptor, take)):
                    left -= size
            self._forget(job)
            answer = job.mailbox.answer
            yield (
                job,
                Outcome(
                    result=answer.result if isinstance(answer, Success) else None,
                    failure=answer if isinstance(answer, Failure) else None,
                    ending=job.ending,
                    killed=job.killed,
                    seconds=seconds,
                    log=job.tail.text(),
                ),
            )

    def _forget(self, job: RunningJob) -> None:
        for descriptor in (job.results, job.log):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
            os.close(descriptor)
        del self._jobs[job.number]
