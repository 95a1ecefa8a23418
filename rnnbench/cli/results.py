"""``rnnbench report``, ``compare``, ``export`` and ``show``: the commands that read a store."""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.cli.parameters import store_option
from rnnbench.errors import UsageError, printable

if TYPE_CHECKING:
    from rnnbench.records.result import Record

FAILED_GATE = 3
COMPARE_EXAMPLES = """\b
Examples:
  rnnbench compare lstm 'gru[num_layers=2]'
  rnnbench compare old.db new.db --fail-on-regression
"""


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="rnnbench-report",
    show_default=True,
    help="Folder of the report.",
)
@click.option("-t", "--task", "tasks", multiple=True, help="Only these tasks (names or globs).")
@click.option("-m", "--model", "models", multiple=True, help="Only these models (names or globs).")
@click.option("--title", help="Title of the report.")
@store_option
def report(
    output: Path, tasks: tuple[str, ...], models: tuple[str, ...], title: str | None, store: Path
) -> None:
    """Write a report from the records of a store.

    The folder holds index.html, report.md, figures and results.csv.
    """
    from rnnbench.execution.environment import THREAD_VARIABLES, available_cores

    # The matrices are small, so that threads of numpy would only compete with each other.
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    from rnnbench.report.write import write_report

    with _uncollected():
        records = _selected(_records(store), tasks, models)
        command = shlex.join(["rnnbench", *sys.argv[1:]])
        index = write_report(
            records, output, command=command, title=title, processes=available_cores()
        )
    click.echo(f"Report: {index}")


@click.command(epilog=COMPARE_EXAMPLES)
@click.argument("a")
@click.argument("b")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--fail-on-regression", is_flag=True, help="Exit with code 3 if B is worse than A.")
@store_option
def compare(a: str, b: str, markdown: bool, fail_on_regression: bool, store: Path) -> int:
    """Compare two models of a store, or two stores, paired by seed."""
    from rnnbench.analysis.comparison import compare as compare_records
    from rnnbench.report.comparison import comparison_markdown, comparison_text

    if _is_store(a) and _is_store(b):
        comparison = compare_records(_records(Path(a)), _records(Path(b)), a, b)
    elif _is_store(a) or _is_store(b):
        model = b if _is_store(a) else a
        raise UsageError(
            f"{model!r} is not a file; give two models of one store, or the files of two stores."
        )
    else:
        comparison = compare_records(_records(store), None, a, b)
    write = comparison_markdown if markdown else comparison_text
    click.echo(printable(write(comparison)))
    return FAILED_GATE if fail_on_regression and comparison.regressions else 0


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--curves", "table", flag_value="curves", help="Export learning curves instead.")
@click.option(
    "--profiles", "table", flag_value="profiles", help="Export gradient profiles instead."
)
@store_option
def export(output: Path, table: str | None, store: Path) -> None:
    """Export one row per trial to a file.

    The ending of OUTPUT is .csv, .parquet or .jsonl. Learning curves have one row per validation,
    gradient profiles one row per lag.
    """
    from rnnbench.analysis import tables

    make = {"curves": tables.curves, "profiles": tables.profiles}.get(table or "", tables.tidy)
    frame = make(_records(store))
    tables.export(frame, output)
    click.echo(f"{len(frame)} rows: {output}")


@click.command()
@click.argument("trial")
@click.option("--log", "only_log", is_flag=True, help="Print the captured output only.")
@store_option
def show(trial: str, only_log: bool, store: Path) -> None:
    """Show all attempts at a trial, with logs and tracebacks.

    TRIAL is the id of a trial or its beginning.
    """
    from rnnbench.records.store import Store

    with Store(store, must_exist=True) as opened:
        attempts = one_trial(opened.records(every_attempt=True, trial=trial), trial, store)
        weights = opened.weights_of(attempts[0].trial_id)
    if not only_log:
        _describe(attempts, weights if weights.exists() else None)
    for record in attempts:
        if record.log.strip():
            if not only_log:
                click.echo(f"-- log of attempt {record.attempt}")
            click.echo(printable(record.log.rstrip()))


def one_trial(attempts: Sequence[Record], beginning: str, store: Path) -> Sequence[Record]:
    """Return the attempts at the trial whose id begins so.

    Raises:
        UsageError: no trial or several trials begin so.
    """
    trials = list(dict.fromkeys(record.trial_id for record in attempts))
    if not trials:
        raise UsageError(
            f"no trial begins with {beginning!r} in {store}; to list the ids, "
            "type: rnnbench export trials.csv"
        )
    if len(trials) > 1:
        raise UsageError(
            f"{beginning!r} matches {len(trials)} trials: {', '.join(trials[:5])}; "
            "type more of the id."
        )
    return attempts


def _describe(attempts: Sequence[Record], weights: Path | None) -> None:
    spec = attempts[-1].spec
    task, model = spec.task, spec.model
    provider = f"{model.provider.distribution} {model.provider.version}"
    settings = (f"{name}={value}" for name, value in spec.settings.model_dump().items())
    lines = [
        f"trial     {attempts[-1].trial_id}",
        f"task      {task.label}  (version {task.version}, {task.provider.distribution})",
        f"model     {model.label}  H={model.hidden_size}  ({provider})",
        f"seed      {spec.seed}",
        f"settings  {', '.join(settings)}",
    ]
    if weights:
        lines.append(f"weights   {weights}")
    for record in attempts:
        lines += _outcome(record)
    click.echo("\n".join(map(printable, lines)))


def _outcome(record: Record) -> Iterator[str]:
    result = record.result
    duration = f"{record.seconds:.1f} s"
    yield f"-- attempt {record.attempt}: {result.status}, {record.started_at}, {duration}"
    if result.learning:
        learning = result.learning
        score = f"{learning.score_name} {learning.score:.6g}, skill {learning.skill:.4f}"
        yield f"   {score}, best step {learning.best_step}"
        if learning.unsolvable:
            yield f"   not solvable: {learning.unsolvable}"
    if result.error:
        yield f"   {result.error}"
    if result.traceback:
        yield result.traceback.rstrip()


def _is_store(word: str) -> bool:
    """Return whether a word is a file: an existing one, or a name that no model can have."""
    name = word.partition("[")[0]
    # Unlike Path.is_file, isfile is false for every impossible name.
    return os.path.isfile(word) or "." in name or "/" in name  # noqa: PTH113


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Disable the garbage collector, which would traverse many records repeatedly."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _records(path: Path) -> list[Record]:
    from rnnbench.records.store import Store

    with Store(path, must_exist=True) as opened:
        return opened.records()


def _selected(
    records: list[Record], tasks: tuple[str, ...], models: tuple[str, ...]
) -> list[Record]:
    from fnmatch import fnmatch

    def wanted(name: str, label: str, patterns: tuple[str, ...]) -> bool:
        words = [word.strip() for pattern in patterns for word in pattern.split(",")]
        return not words or any(fnmatch(name, word) or label == word for word in words)

    chosen = [
        record
        for record in records
        if wanted(record.spec.task.name, record.spec.task.label, tasks)
        and wanted(record.spec.model.name, record.spec.model.label, models)
    ]
    if records and not chosen:
        raise UsageError(
            "no record matches --task and --model; to see all records, omit both options."
        )
    return chosen
