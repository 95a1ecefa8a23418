"""Inside a trial's own process: run one job and send home what it says, as lines of JSON."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnbench.contract.faults import in_words
from rnnbench.errors import RnnbenchError, one_line
from rnnbench.execution.isolation.failure import traceback_of
from rnnbench.execution.isolation.preload import load_plugins
from rnnbench.records.spec import TrialSpec

PROGRESS_INTERVAL = 0.2
"""Seconds between two progress messages at least."""

Send = Callable[[dict[str, Any]], None]


def run(job: dict[str, Any], results: int, *, memory: int | None) -> None:
    """Run ``job`` and write its messages to the file descriptor ``results``.

    Messages: ``{"progress": [step, loss]}``, then one of ``{"result": ...}`` and ``{"error": text,
    "traceback": text}``.
    """
    faulthandler.enable()
    before = resource.getrlimit(resource.RLIMIT_AS)
    if (
        memory is not None and job.get("device", "cpu") == "cpu"
    ):  # CUDA reserves far more addresses than it takes memory
        resource.setrlimit(resource.RLIMIT_AS, (memory, before[1]))

    def send(message: dict[str, Any]) -> None:
        # a line of its own, even after something that a plugin wrote here
        content = b"\n" + json.dumps(message).encode() + b"\n"
        while content:
            content = content[os.write(results, content) :]

    try:
        send({"result": JOBS[job["kind"]](job, send)})
    except RnnbenchError as error:
        send({"error": one_line(error), "traceback": None, "usage": True})
    except (
        BaseException
    ) as error:  # a plugin may raise anything, SystemExit among it; the driver must hear of it
        resource.setrlimit(resource.RLIMIT_AS, before)  # saying that memory ran out takes some
        send({"error": in_words(error), "traceback": traceback_of(error), "usage": False})
    sys.stdout.flush()
    sys.stderr.flush()


def _trial(job: dict[str, Any], send: Send) -> Any:
    from rnnbench.execution.jobs.trial import TrialOptions, run_trial

    last = -PROGRESS_INTERVAL

    def tell(step: int, loss: float) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_INTERVAL:
            last = time.monotonic()
            send({"progress": [step, loss]})

    options = TrialOptions(
        device=job["device"],
        probes=job["probes"],
        weights=Path(job["weights"]) if job["weights"] else None,
        memory=job["memory"],
        cuda_graphs=job["cuda_graphs"],
        loggers=tuple(job["loggers"]),
        logs=Path(job["logs"]),
    )
    spec = TrialSpec.model_validate(job["spec"])
    return run_trial(spec, load_plugins(job["plugins"]), options, tell).model_dump_json()


def _preflight(job: dict[str, Any], send: Send) -> Any:
    from rnnbench.execution.jobs.preflight import problems

    del send
    return problems(
        [TrialSpec.model_validate(spec) for spec in job["specs"]], load_plugins(job["plugins"])
    )


def _speed(job: dict[str, Any], send: Send) -> Any:
    from rnnbench.execution.jobs.timing import time_trial

    del send
    specs = TrialSpec.model_validate(job["spec"]), TrialSpec.model_validate(job["reference"])
    settings = {name: job[name] for name in ("device", "budget_seconds", "memory")}
    return time_trial(*specs, load_plugins(job["plugins"]), **settings).model_dump_json()


JOBS: dict[str, Callable[[dict[str, Any], Send], Any]] = {
    "trial": _trial,
    "preflight": _preflight,
    "speed": _speed,
}
