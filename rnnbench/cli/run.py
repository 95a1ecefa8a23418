"""``rnnbench run``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnbench import api
from rnnbench.cli.parameters import LOG_WIDTH, CommandWithSettings, parse_seeds, store_option
from rnnbench.execution.jobs.loggers import LOGGERS

if TYPE_CHECKING:
    from rich.console import Console

    from rnnbench.records.result import Status
    from rnnbench.records.spec import TrialSpec

EXAMPLES = """\b
Examples:
  rnnbench run --task copy-memory --preset quick
  rnnbench run -t 'copy-memory[delay=10,20]' -m 'lstm[hidden_size=64,128],gru' --seeds 5
  rnnbench run -t 'forecasting[path=ETTh1.csv,column=OT]' -m lstm,gru
"""


@click.command(cls=CommandWithSettings, epilog=EXAMPLES)
@click.option(
    "-t",
    "--task",
    "tasks",
    multiple=True,
    help="A task, options inline: 'copy-memory[delay=10,20]'. Repeats; commas, globs, all.",
)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="A model, options inline: 'lstm[hidden_size=64,128]'. Default: all.",
)
@click.option("--suite", help="A suite: its name or its YAML file. Flags win over it.")
@click.option("--seeds", help="How many (5), or which (0,1,7). Default: 3.")
@click.option("--preset", help="The task's own sizes: quick, standard or paper. Default: standard.")
@click.option(
    "--hidden-size", type=click.IntRange(1), help="Of every model that does not set it inline."
)
@click.option(
    "-j",
    "--jobs",
    metavar="NUMBER|auto",
    default="auto",
    show_default=True,
    help="Trials at a time.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Torch threads of each trial.",
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)
@click.option("--timeout", metavar="DURATION", help="Wall-clock limit of a trial: 90s, 10m, 2h.")
@click.option(
    "--memory",
    metavar="SIZE",
    help="Memory limit of a trial (of GPU memory on a GPU): 4GiB, or 4GB (powers of 1000).",
)
@click.option(
    "--no-cuda-graphs",
    is_flag=True,
    help="On a GPU, launch a training step's operations one by one.",
)
@click.option(
    "--max-time",
    metavar="DURATION",
    help="Start no trial, and measure no speed, after this long.",
)
@click.option(
    "--retry",
    multiple=True,
    help="Run trials again that ended so: failed, crashed, timeout, oom, diverged or all.",
)
@click.option(
    "--fail-fast/--keep-going", default=False, help="Start no trial after the first that failed."
)
@click.option(
    "--no-circuit-breaker",
    is_flag=True,
    help="Continue with a model that crashed three times in this run.",
)
@click.option(
    "--logger",
    "loggers",
    type=click.Choice(list(LOGGERS)),
    multiple=True,
    help="Log each training too, into STORE.logs; repeats.",
)
@click.option("--no-probes", is_flag=True, help="Measure neither size, gradient nor speed.")
@click.option("--no-report", is_flag=True, help="Write no report.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    default="rnnbench-report",
    show_default=True,
    help="Folder of the report.",
)
@click.option("--dry-run", is_flag=True, help="Show the trials and run none.")
@store_option
def run(
    *,
    tasks: Sequence[str],
    models: Sequence[str],
    suite: str | None,
    seeds: str | None,
    preset: str | None,
    hidden_size: int | None,
    jobs: str,
    threads: int,
    accelerator: str,
    timeout: str | None,
    memory: str | None,
    no_cuda_graphs: bool,
    max_time: str | None,
    retry: Sequence[str],
    fail_fast: bool,
    no_circuit_breaker: bool,
    loggers: Sequence[str],
    no_probes: bool,
    no_report: bool,
    report: Path,
    dry_run: bool,
    store: Path,
    **settings: Any,
) -> int:
    """Train models on tasks, measure them, keep the records and write a report.

    A trial that the store already holds is not run again; an interrupted one is.
    """
    from rnnbench.execution.options import RunOptions

    request = api.make_request(
        tasks,
        models,
        suite=suite,
        seeds=parse_seeds(seeds),
        preset=preset,
        hidden_size=hidden_size,
        settings={name: value for name, value in settings.items() if value is not None},
    )
    options = RunOptions(
        jobs=jobs,
        threads=threads,
        accelerator=accelerator,
        timeout=timeout,
        memory=memory,
        cuda_graphs=not no_cuda_graphs,
        loggers=loggers,
        probes=not no_probes,
        retry=retry,
        fail_fast=fail_fast,
        max_time=max_time,
        circuit_breaker=not no_circuit_breaker,
        command=shlex.join(["rnnbench", *sys.argv[1:]]),
    )
    console = _console()
    if dry_run:
        specs = api.plan(request, _warn).specs
        _show_plan(specs, api.stored(store, options.retry), console)
        return 0

    from rnnbench.execution.progress import view_for

    finished = api.execute(
        request,
        options,
        store=store,
        report=None if no_report else report,
        view=view_for(console),
        warn=_warn,
    )
    if finished.interrupted:
        _print(
            f"Interrupted; the trials that had ended are in {store}. "
            "The same command continues from there.",
            console,
        )
    else:
        _show_result(finished, console)
    return finished.exit_code


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    return console


def _warn(text: str) -> None:
    click.echo(f"rnnbench: {text}", err=True)


def _print(text: str, console: Console) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _show_plan(specs: Sequence[TrialSpec], stored: dict[str, Status], console: Console) -> None:
    for spec in specs:
        status = stored.get(spec.trial_id, "to run")
        _print(
            f"{spec.trial_id}  {status:<8}  {spec.task.label}  {spec.model.label}  "
            f"H={spec.model.hidden_size}  {spec.settings.steps} steps  seed {spec.seed}",
            console,
        )
    count = sum(spec.trial_id in stored for spec in specs)
    _print(f"{len(specs)} trial{'s' * (len(specs) != 1)}, {count} stored.", console)


def _show_result(finished: api.Finished, console: Console) -> None:
    from rnnbench.cli.leaderboard import leaderboards

    for table in leaderboards(finished.records, console):
        console.print(table)
    if index := finished.write_report():
        _print(f"Report: {index}", console)
