"""``rnnbench run``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnbench import api
from rnnbench.cli.claims import gated, show_verdicts
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import (
    LOG_WIDTH,
    Choice,
    FilePath,
    RunCommand,
    parse_seeds,
    store_option,
)
from rnnbench.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from rnnbench.execution.options import RunOptions
    from rnnbench.plan.tuning import StudyPlan
    from rnnbench.records.result import Status
    from rnnbench.records.spec import Matched, TrialSpec

EXAMPLES = """\b
Examples:
  rnnbench run --task copy-memory --preset quick
  rnnbench run -t 'copy-memory[delay=10,20]' -m 'lstm[hidden_size=64,128],gru' --seeds 5
  rnnbench run -t 'forecasting[path=ETTh1.csv,column=OT]' -m lstm,gru
  rnnbench run --suite first-look --dry-run
  rnnbench run --claim forget-bias-half-life
"""


@click.command(cls=RunCommand, epilog=EXAMPLES)
@click.option(
    "-t",
    "--task",
    "tasks",
    metavar="NAMES",
    multiple=True,
    help="Tasks by name or glob, or all; commas; repeats. Options are set in brackets: "
    "'copy-memory[delay=10,20]'; several values are a grid.",
)
@click.option(
    "-m",
    "--model",
    "models",
    metavar="NAMES",
    multiple=True,
    help="Models, likewise: 'lstm[hidden_size=64,128],gru'; family:gated for those of a family. "
    "Default: rnn, lstm, gru, bilstm, attention-lstm.",
)
@click.option(
    "--suite",
    metavar="NAME|FILE",
    help="A suite of trials: its name or its YAML file. Other options override it.",
)
@click.option(
    "--claim",
    "claims",
    metavar="NAMES",
    multiple=True,
    help="Run the trials of these claims and judge them: a name or a glob; commas; repeats. "
    "Type: rnnbench claims",
)
@click.option(
    "--gate",
    is_flag=True,
    help="Exit with code 3 if a claim is contradicted.",
)
@click.option(
    "--seeds",
    metavar="COUNT|LIST",
    help="How many seeds, from 0: 5 trains 0 to 4. A list (0,1,7) is the seeds themselves. "
    "Default: 5 for --preset quick, else 10.",
)
@click.option(
    "--seed",
    "exact_seeds",
    metavar="NUMBER",
    multiple=True,
    help="Exactly this seed: 42 trains one trial, with seed 42. Repeats; commas.",
)
@click.option(
    "--preset",
    metavar="NAME",
    help="The task's own sizes: quick, standard or paper. Default: standard.",
)
@click.option(
    "--hidden-size",
    type=click.IntRange(1),
    metavar="INTEGER",
    help="Hidden size of every model that does not set it in brackets. Default: the preset's.",
)
@click.option(
    "--match",
    metavar="QUANTITY=VALUE",
    help="Choose hidden sizes that make this quantity equal: params=50k, core-params, state, flops "
    "(per step) or time (seconds of training), or that of a model: 'params=lstm[hidden_size=128]'.",
)
@click.option(
    "--vary",
    metavar="SOURCES",
    multiple=True,
    help="Train further trials whose seeds vary one source of randomness alone: init, data, order.",
)
@click.option(
    "--tune",
    metavar="NAME=RANGE",
    multiple=True,
    help="Tune a setting or model option: 'learning_rate=1e-4..1e-2' (log scale), "
    "'optimizer=adam|sgd'. Repeats. Every model gets the same tries.",
)
@click.option(
    "--tune-trials",
    type=click.IntRange(1),
    metavar="INTEGER",
    help="Tries of each model on each task. Default: 10.",
)
@click.option(
    "--tune-sampler",
    type=Choice(["random", "tpe", "grid"]),
    help="How values to try are proposed. Default: random.",
)
@click.option(
    "--tune-pruner",
    type=Choice(["none", "median", "halving"]),
    help="How tries that look worse than others are ended early. Default: none.",
)
@click.option(
    "--tune-report",
    type=Choice(["both", "tuned"]),
    help="Train the default and the tuned recipe with the seeds, or the tuned one alone. "
    "Default: both.",
)
@click.option(
    "--speed/--no-speed",
    default=None,
    help="Measure speed after the trials, alone on the machine. Default: it is measured.",
)
@click.option("--no-report", is_flag=True, help="Write no report.")
@click.option(
    "--report",
    type=FilePath(),
    metavar="FOLDER",
    default="rnnbench-report",
    show_default=True,
    help="Folder of the report.",
)
@click.option(
    "--against",
    type=FilePath(),
    metavar="FILE",
    multiple=True,
    help="Show the records of FILE (a store, or made by export --records) on the same tasks beside "
    "those of this run. They are neither stored nor run again. Repeats.",
)
@click.option("--dry-run", is_flag=True, help="List the trials with their ids, and run none.")
@store_option
def run(
    *,
    tasks: Sequence[str],
    models: Sequence[str],
    suite: str | None,
    claims: Sequence[str],
    seeds: str | None,
    exact_seeds: Sequence[str],
    preset: str | None,
    hidden_size: int | None,
    match: str | None,
    vary: Sequence[str],
    tune: Sequence[str],
    tune_trials: int | None,
    tune_sampler: str | None,
    tune_pruner: str | None,
    tune_report: str | None,
    speed: bool | None,
    gate: bool,
    no_report: bool,
    report: Path,
    against: Sequence[Path],
    dry_run: bool,
    store: Path,
    **given: Any,
) -> int:
    """Train models on tasks, measure them and write a report.

    A trial is one model on one task with one seed. A trial that the store already holds is not run
    again; an interrupted one is, so that the same command continues an interrupted run.
    """
    from rnnbench.execution.options import RunOptions
    from rnnbench.plan.asked import ask
    from rnnbench.records.settings import Settings

    given = {name: value for name, value in given.items() if value not in (None, ())}
    settings = {name: given.pop(name) for name in Settings.model_fields if name in given}
    asked = ask(
        suite,
        claims,
        {
            "tasks": tasks,
            "models": models,
            "seeds": parse_seeds(seeds, exact_seeds),
            "preset": preset,
            "hidden_size": hidden_size,
            "match": match,
            "vary": [word.strip() for words in vary for word in words.split(",")],
            "tune": tune,
            "tune_trials": tune_trials,
            "tune_sampler": tune_sampler,
            "tune_pruner": tune_pruner,
            "tune_report": tune_report,
            "speed": speed,
            "settings": settings,
        },
    )
    options = RunOptions(**given, command=shlex.join(["rnnbench", *sys.argv[1:]]))
    console = _console()
    if gate and not asked.claims:
        raise UsageError("--gate needs claims; add --claim NAMES, or a --suite that lists claims.")
    if gate and options.shard is not None:
        raise UsageError(
            "--gate needs the trials of all shards; merge their stores, and type: "
            "rnnbench claims --store all.db --gate"
        )
    if dry_run:
        from rnnbench.execution.planned import dry_plan, stored, to_run, tries_of

        planned = dry_plan(asked, options, store, _warn)
        api.others_of(against, planned, _warn)
        tries = tries_of(planned, store)
        known = stored(store, options.retry)
        _show_plan([*tries, *planned.specs], known, console)
        if planned.studies:
            _show_studies(planned.studies, len(tries), console)
        _show_duration(to_run(planned, tries, known), store, options, console)
        return 0

    from rnnbench.execution.progress import view_for

    finished = api.execute(
        asked,
        options,
        store=store,
        report=None if no_report else report,
        view=view_for(console),
        warn=_warn,
        against=against,
    )
    if finished.interrupted:
        _print(
            f"Interrupted; the trials that had ended are in {store}. "
            "The same command continues from there.",
            console,
        )
    else:
        _show_result(finished, console)
    if gate and not finished.exit_code:
        return gated(finished.judged)
    return finished.exit_code


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    return console


def _warn(text: str) -> None:
    echo(f"rnnbench: {text}", err=True)


def _print(text: str, console: Console) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _show_plan(specs: Sequence[TrialSpec], stored: dict[str, Status], console: Console) -> None:
    for spec in specs:
        status = stored.get(spec.trial_id, "to run")
        which = f"seed {spec.seed_label}"
        if spec.tuning is not None:
            which = f"try {spec.tuning.number}: {spec.tuning.label}"
        _print(
            f"{spec.trial_id}  {status:<8}  {spec.task.label}  {spec.model.label}  "
            f"H={spec.model.hidden_size}{_matched_text(spec.model.matched)}  "
            f"{spec.settings.steps} steps  {which}",
            console,
        )
    count = sum(spec.trial_id in stored for spec in specs)
    _print(f"{len(specs)} trial{'s' * (len(specs) != 1)}, {count} stored.", console)


def _matched_text(matched: Matched | None) -> str:
    """Return the value that a hidden size was chosen for, marked where it is missed by far."""
    if matched is None:
        return ""
    from rnnbench.analysis.remarks import UNMATCHED

    off = f" {UNMATCHED}" if matched.is_off else ""
    return (
        f" ({matched.quantity} {matched.achieved:,.6g} of {matched.target:,.6g}, "
        f"{100 * matched.error:+.1f} %{off})"
    )


def _show_studies(studies: Sequence[StudyPlan], known: int, console: Console) -> None:
    """Tell what follows from the tries, whose results are not known yet."""
    if later := sum(study.tries for study in studies) - known:
        _print(f"The sampler chooses the values of {later} further tries as it goes.", console)
    follow = sum(len(study.reported) for study in studies)
    _print(
        f"Up to {follow} trials with the chosen recipes follow.",
        console,
    )


def _show_duration(
    specs: Sequence[TrialSpec], store: Path, options: RunOptions, console: Console
) -> None:
    """Tell how long the trials may take, where the store has earlier ones of their models."""
    from rnnbench.execution.duration import expected
    from rnnbench.execution.environment import available_cores
    from rnnbench.records.store import Store

    if not specs or not store.exists():
        return
    with Store(store, must_exist=True) as opened:
        found = expected(specs, opened.records(purpose="all"))
    if found is None:
        return
    jobs = options.jobs or (1 if options.accelerator == "gpu" else available_cores())
    text = (
        f"About {timedelta(seconds=round(found.seconds / min(jobs, len(specs))))} with {jobs} at a "
        f"time, by the durations of {found.earlier:,} stored trials; the speed is measured "
        "afterwards."
    )
    if found.guessed:
        text += f" {found.guessed:,} of {len(specs):,} trials are of new models or tasks."
    _print(text, console)


def _show_result(finished: api.Finished, console: Console) -> None:
    from rnnbench.cli.leaderboard import leaderboards

    if finished.judged:
        show_verdicts(finished.judged, console)
    else:
        for table in leaderboards(finished.shown, console, finished.shown_tries):
            console.print(table)
    for each in finished.others:
        _print(f"Trials from {each.path}: {len(each.records)}.", console)
    if index := finished.write_report():
        _print(f"Report: {index}", console)
