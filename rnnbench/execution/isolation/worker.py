"""Code of a job's own process: run one job and send its messages as lines of JSON."""

from __future__ import annotations

import faulthandler
import math
import os
import resource
import sys
import time
from collections.abc import Callable

from rnnbench.contract.faults import in_words
from rnnbench.errors import RnnbenchError
from rnnbench.execution.jobs.failure import traceback_of
from rnnbench.execution.jobs.messages import (
    JOB,
    ContractJob,
    Failure,
    Job,
    JobResult,
    Message,
    PreflightJob,
    Progress,
    Success,
    TrialJob,
    WidthJob,
)
from rnnbench.execution.jobs.plugins import load_plugins
from rnnbench.records.result import Validated

PROGRESS_INTERVAL = 0.2
"""Minimum time between two progress messages, in seconds."""

Send = Callable[[Message], None]


def run(job_json: bytes, results: int) -> None:
    """Run the job described by ``job_json``; write its messages to the descriptor ``results``."""
    faulthandler.enable()
    before = resource.getrlimit(resource.RLIMIT_AS)

    def send(message: Message) -> None:
        # The first newline ends a line that a plugin may have written to the pipe.
        content = b"\n" + message.model_dump_json().encode() + b"\n"
        while content:
            content = content[os.write(results, content) :]

    try:
        job = JOB.validate_json(job_json)
        # Not on a GPU: CUDA reserves far more addresses than it uses memory.
        if job.memory is not None and job.device == "cpu":
            resource.setrlimit(resource.RLIMIT_AS, (job.memory, before[1]))
        send(Success[JobResult](result=_result(job, send)))
    except RnnbenchError as error:
        send(Failure(error=str(error), usage=True))
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        # Reporting that memory ran out needs memory.
        resource.setrlimit(resource.RLIMIT_AS, before)
        send(Failure(error=in_words(error), traceback=traceback_of(error)))
    sys.stdout.flush()
    sys.stderr.flush()


def _result(job: Job, send: Send) -> JobResult:
    registry = load_plugins(job.plugins)
    if isinstance(job, TrialJob):
        from rnnbench.execution.jobs.trial import run_trial

        reports = _Reports(send)
        return run_trial(job, registry, reports.progress, reports.validated)
    if isinstance(job, PreflightJob):
        from rnnbench.execution.jobs.preflight import preflight

        return preflight(job, registry)
    if isinstance(job, ContractJob):
        from rnnbench.execution.jobs.contract import check_contract

        return check_contract(job, registry)
    if isinstance(job, WidthJob):
        from rnnbench.execution.jobs.widths import find_widths

        return find_widths(job, registry)
    from rnnbench.execution.jobs.timing import time_trial

    return time_trial(job, registry)


class _Reports:
    """Progress messages: throttled ones of steps, and one at each validation that is reported.

    Each of them holds all validations so far, because the driver reads the latest message only.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last = -PROGRESS_INTERVAL
        self._loss = math.nan
        self._validated: Validated | None = None

    def progress(self, step: int, loss: float) -> None:
        self._loss = loss
        if time.monotonic() - self._last >= PROGRESS_INTERVAL:
            self._last = time.monotonic()
            self._send(Progress(step=step, loss=loss, validated=self._validated))

    def validated(self, validated: Validated) -> None:
        self._validated = validated
        self._send(Progress(step=validated.steps_taken, loss=self._loss, validated=validated))
