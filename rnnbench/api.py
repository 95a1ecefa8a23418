"""The Python API: what the command line does, from a notebook or a script."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnnbench.errors import UsageError
from rnnbench.records.result import Status

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_STORE = "rnnbench.db"
SIGNALLED = 128
"""An exit code above this tells the signal that ended the run."""


def run(
    tasks: str | Sequence[str],
    models: str | Sequence[str] = "all",
    *,
    seeds: int | Sequence[int] = 3,
    preset: str | None = None,
    hidden_size: int | None = None,
    store: str | Path = DEFAULT_STORE,
    jobs: int | None = None,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    timeout: float | None = None,
    retry: Sequence[str] = (),
    probes: bool = True,
    loggers: Sequence[str] = (),
    progress: bool = True,
    **settings: Any,
) -> pd.DataFrame:
    """Run trials and return one tidy row for each, those included that the store held already.

    Args:
        tasks: names as on the command line, options inline: ``"copy-memory[delay=10,20]"``.
        models: likewise: ``"lstm,gru"``, ``["lstm[hidden_size=32]", "rnn"]``, ``"all"``.
        seeds: how many, or which.
        preset: ``"quick"``, ``"standard"`` or ``"paper"``; the task's standard sizes by default.
        hidden_size: for all models that do not set it inline.
        store: the SQLite file that keeps the records.
        jobs: trials at a time; one per core by default (one on a GPU).
        accelerator: ``"auto"`` takes a GPU when there is one.
        timeout: wall-clock limit of a trial in seconds.
        retry: statuses whose trials are run once more, e.g. ``["failed"]``.
        probes: whether size, gradient and speed are measured.
        loggers: ``"csv"``, ``"tensorboard"``: log each training too, into the folder of the store's
            name and ``.logs``.
        progress: whether lines are printed as trials end.
        settings: further settings of the training, e.g. ``steps=1000, learning_rate=3e-3``; see
            :class:`rnnbench.records.spec.Settings`.

    Returns:
        One row per trial; the columns are described in ``rnnbench.analysis.columns``.

    Raises:
        rnnbench.errors.RnnbenchError: anything that is the caller's to mend; nothing was run.
        KeyboardInterrupt: interrupted; what had ended is in the store, and the same call goes on
        from there.
    """
    from rich.console import Console

    from rnnbench.analysis.tables import tidy
    from rnnbench.contract import registry as plugins
    from rnnbench.execution.context import RunOptions
    from rnnbench.execution.progress import PlainView
    from rnnbench.execution.run import pick_device, pick_jobs, run_trials
    from rnnbench.plan.planning import Request, make_plan
    from rnnbench.records.store import Store

    registry = plugins.load()
    request = Request(_words(tasks), _words(models), seeds, preset, hidden_size, settings)
    specs = make_plan(request, registry)
    device = pick_device(accelerator)
    options = RunOptions(
        jobs=pick_jobs(jobs, device),
        device=device,
        timeout=timeout,
        probes=probes,
        loggers=_known_loggers(loggers),
        retry=frozenset(_status(name) for name in retry),
        command=_call(
            tasks, models, seeds=seeds, preset=preset, hidden_size=hidden_size, **settings
        ),
    )
    with Store(store) as opened:
        _, code = run_trials(
            specs, opened, registry, options, PlainView(Console(quiet=not progress))
        )
        if code >= SIGNALLED:
            raise KeyboardInterrupt if code == SIGNALLED + signal.SIGINT else SystemExit(code)
        wanted = {spec.trial_id for spec in specs}
        return tidy([record for record in opened.records() if record.trial_id in wanted])


def _call(tasks: str | Sequence[str], models: str | Sequence[str], **given: object) -> str:
    """Return the call that makes these trials again, as it is typed."""
    options = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    return f"rnnbench.run({', '.join([repr(tasks), repr(models), *options])})"


def _words(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _known_loggers(names: Sequence[str]) -> tuple[str, ...]:
    from rnnbench.execution.jobs.loggers import LOGGERS, check_loggers

    if unknown := sorted(set(names) - set(LOGGERS)):
        raise UsageError(
            f"loggers={unknown[0]!r}: there is no such logger; there are: {', '.join(LOGGERS)}."
        )
    check_loggers(names)
    return tuple(dict.fromkeys(names))


def _status(name: str) -> Status:
    try:
        return Status(name)
    except ValueError:
        raise UsageError(f"retry={name!r} is no status; there are: {', '.join(Status)}.") from None
