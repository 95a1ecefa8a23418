"""``rnnbench run``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnbench.cli.parameters import (
    LOG_WIDTH,
    Bytes,
    CountOrAuto,
    Duration,
    NumberOrNone,
    parse_seeds,
    store_option,
)
from rnnbench.errors import UsageError, one_line
from rnnbench.execution.jobs.loggers import LOGGERS, check_loggers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from rnnbench.contract.registry import Registry
    from rnnbench.execution.isolation.processes import Processes
    from rnnbench.plan.planning import Request
    from rnnbench.records.result import Record, Status
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.store import Store

SETTINGS = ("steps", "batch_size", "learning_rate", "optimizer", "weight_decay", "clip_norm", "embedding_size",
            "validate_every", "validation_size", "test_size", "precision")  # fmt: skip
EXAMPLES = """\b
Examples:
  rnnbench run --task copy-memory --preset quick
  rnnbench run -t 'copy-memory[delay=10,20]' -m 'lstm[hidden_size=64,128],gru' --seeds 5
  rnnbench run -t 'forecasting[path=ETTh1.csv,column=OT]' -m lstm,gru
"""
DEFAULT_REPORT = "rnnbench-report"


@click.command()
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
@click.option("--steps", type=click.IntRange(1), help="Optimizer steps: the budget.")
@click.option("--batch-size", type=click.IntRange(1), help="Sequences per step.")
@click.option("--learning-rate", "--lr", type=float, help="Learning rate.")
@click.option(
    "--optimizer", type=click.Choice(["adam", "adamw", "rmsprop", "sgd"]), help="Optimizer."
)
@click.option("--weight-decay", type=float, help="Weight decay.")
@click.option("--clip-norm", type=NumberOrNone(), help="Clip the gradient's norm to this, or none.")
@click.option("--embedding-size", type=click.IntRange(1), help="Width of token embeddings.")
@click.option("--validate-every", type=click.IntRange(1), help="Steps between validations.")
@click.option("--validation-size", type=click.IntRange(1), help="Generated validation sequences.")
@click.option("--test-size", type=click.IntRange(1), help="Generated test sequences.")
@click.option(
    "--precision", type=click.Choice(["32", "64", "bf16-mixed"]), help="Lightning's precision."
)
@click.option(
    "-j", "--jobs", type=CountOrAuto(), default="auto", show_default=True, help="Trials at a time."
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
@click.option("--timeout", type=Duration(), help="Wall-clock limit of a trial: 90s, 10m, 2h.")
@click.option(
    "--memory", type=Bytes(), help="Memory limit of a trial (of the GPU's memory on a GPU): 4G."
)
@click.option(
    "--no-cuda-graphs",
    is_flag=True,
    help="On a GPU, launch a training step's operations one by one.",
)
@click.option(
    "--max-time", type=Duration(), help="Start no trial, and measure no speed, after this long."
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
    help="Go on with a model that crashed three times in this run.",
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
    "report_folder",
    type=click.Path(path_type=Path),
    default=DEFAULT_REPORT,
    show_default=True,
    help="Folder of the report.",
)
@click.option("--dry-run", is_flag=True, help="Show the trials and run none.")
@store_option
def run(**given: Any) -> int:
    """Train models on tasks, measure them, keep the records and write a report.

    A trial that the store already holds is not run again; an interrupted one is.
    """
    request = _request(given)
    retry = _retry(given["retry"])
    check_loggers(given["loggers"])
    if given["dry_run"]:
        _show_plan(_planned(request)[0], given["store"], retry, _console())
        return 0
    from rnnbench.execution.isolation.processes import Processes

    with Processes(
        given["threads"]
    ) as processes:  # torch loads there while it loads here, for the plan
        return _run(request, retry, given, processes)


def _run(
    request: Request, retry: frozenset[Status], given: dict[str, Any], processes: Processes
) -> int:
    specs, registry = _planned(request)

    from rnnbench.execution.context import RunOptions
    from rnnbench.execution.progress import view_for
    from rnnbench.execution.run import pick_device, pick_jobs, run_trials
    from rnnbench.records.store import Store

    console = _console()
    device = pick_device(given["accelerator"])
    options = RunOptions(
        jobs=pick_jobs(given["jobs"], device),
        threads=given["threads"],
        device=device,
        timeout=given["timeout"],
        memory=given["memory"],
        cuda_graphs=not given["no_cuda_graphs"],
        loggers=tuple(dict.fromkeys(given["loggers"])),
        probes=not given["no_probes"],
        retry=retry,
        fail_fast=given["fail_fast"],
        circuit_breaker=not given["no_circuit_breaker"],
        max_time=given["max_time"],
        command=_command(),
    )
    if not given["no_report"]:
        _check_folder(given["report_folder"])
    with Store(given["store"]) as store:
        _, code = run_trials(specs, store, registry, options, view_for(console), processes)
        if code < 128:
            _conclude(_records_of(store, specs), given, console)
        else:
            told = f"Interrupted; what had ended is in {given['store']}. The same command goes on from there."
            console.print(told, soft_wrap=True, markup=False)
    return code


def _planned(request: Request) -> tuple[list[TrialSpec], Registry]:
    from rnnbench.contract import registry as plugins
    from rnnbench.plan.planning import make_plan

    registry = plugins.load()
    _warn_of_faults(registry)
    return make_plan(request, registry), registry


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    return console


def _request(given: dict[str, Any]) -> Request:
    from rnnbench.plan.planning import DEFAULT_SEEDS, Request
    from rnnbench.plan.suites import load_suite, to_request

    settings = {
        name: None if given[name] == "none" else given[name]
        for name in SETTINGS
        if given[name] is not None
    }
    own = {
        "tasks": given["tasks"],
        "models": given["models"],
        "seeds": parse_seeds(given["seeds"]),
        "preset": given["preset"],
        "hidden_size": given["hidden_size"],
        "settings": settings,
    }
    if given["suite"] is not None:
        return to_request(load_suite(given["suite"]), own)
    if not given["tasks"]:
        raise UsageError(
            "no task was named; type rnnbench run --task copy-memory, or rnnbench list tasks to see them all."
        )
    seeds = own["seeds"] if own["seeds"] is not None else DEFAULT_SEEDS
    return Request(
        given["tasks"],
        given["models"] or ("all",),
        seeds,
        given["preset"],
        given["hidden_size"],
        settings,
    )


def _retry(words: Sequence[str]) -> frozenset[Status]:
    from rnnbench.errors import did_you_mean
    from rnnbench.records.result import Status

    retriable = [status for status in Status if status is not Status.DONE]
    chosen: set[Status] = set()
    for word in (part.strip() for text in words for part in text.split(",")):
        if word == "all":
            chosen.update(retriable)
        elif word in retriable:
            chosen.add(Status(word))
        else:
            near = did_you_mean(word, [*retriable, "all"])
            raise UsageError(
                f"--retry {one_line(word, 40)!r}: no such status.{near} There are: {', '.join(retriable)}, all."
            )
    return frozenset(chosen)


def _warn_of_faults(registry: Registry) -> None:
    for plugin in registry.faults:
        where = f"{plugin.name} of {plugin.provider.distribution} {plugin.provider.version}"
        click.echo(f"rnnbench: plugin {where} was left out: {plugin.error}", err=True)


def _show_plan(
    specs: Sequence[TrialSpec], store_path: Path, retry: frozenset[Status], console: Console
) -> None:
    from rnnbench.records.store import Store, runs_again

    stored: dict[str, Status] = {}
    if os.path.exists(store_path):  # noqa: PTH110 - unlike Path's, false for any impossible name
        with Store(store_path, must_exist=True) as store:
            stored = store.statuses()
    kept = {trial: status for trial, status in stored.items() if not runs_again(status, retry)}
    for spec in specs:
        status = kept.get(spec.trial_id, "to run")
        console.print(
            f"{spec.trial_id}  {status:<8}  {spec.task.label}  {spec.model.label}  H={spec.model.hidden_size}  "
            f"{spec.settings.steps} steps  seed {spec.seed}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    console.print(
        f"{len(specs)} trial{'s' * (len(specs) != 1)}, {sum(spec.trial_id in kept for spec in specs)} stored."
    )


def _check_folder(folder: Path) -> None:
    from rnnbench.report.write import check_folder

    check_folder(folder)  # before hours of work, not after


def _records_of(store: Store, specs: Sequence[TrialSpec]) -> list[Record]:
    wanted = {spec.trial_id for spec in specs}
    return [record for record in store.records() if record.trial_id in wanted]


def _conclude(records: list[Record], given: dict[str, Any], console: Console) -> None:
    from rnnbench.cli.leaderboard import leaderboards

    for table in leaderboards(records, console):
        console.print(table)
    if not given["no_report"] and records:
        from rnnbench.execution.environment import available_cores
        from rnnbench.report.write import write_report

        index = write_report(
            records, given["report_folder"], command=_command(), processes=available_cores()
        )
        console.print(f"Report: {index}", soft_wrap=True, markup=False)


def _command() -> str:
    return shlex.join(["rnnbench", *sys.argv[1:]])
