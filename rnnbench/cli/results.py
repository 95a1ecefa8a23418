"""``rnnbench report``, ``compare``, ``export`` and ``show``: what reads a store."""

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
from rnnbench.cli.trials import one_trial, printable
from rnnbench.errors import UsageError, one_line

if TYPE_CHECKING:
    from rnnbench.records.result import Record

FAILED_GATE = 3


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="rnnbench-report",
    show_default=True,
    help="Folder.",
)
@click.option("-t", "--task", "tasks", multiple=True, help="Only these tasks (names or globs).")
@click.option("-m", "--model", "models", multiple=True, help="Only these models (names or globs).")
@click.option("--title", help="Title of the report.")
@store_option
def report(
    output: Path, tasks: tuple[str, ...], models: tuple[str, ...], title: str | None, store: Path
) -> None:
    """Write a report from the records of a store: index.html, report.md, figures and results.csv."""
    from rnnbench.execution.environment import THREAD_VARIABLES, available_cores

    for variable in (
        THREAD_VARIABLES
    ):  # numpy's threads would only be in each other's way: no matrix here is large
        os.environ.setdefault(variable, "1")
    from rnnbench.report import write_report

    with _uncollected():
        records = _selected(_records(store), tasks, models)
        command = shlex.join(["rnnbench", *sys.argv[1:]])
        index = write_report(
            records, output, command=command, title=title, processes=available_cores()
        )
    click.echo(f"Report: {index}")


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option(
    "--fail-on-regression", is_flag=True, help="Exit with 3 when B is shown to be worse than A."
)
@store_option
def compare(a: str, b: str, markdown: bool, fail_on_regression: bool, store: Path) -> int:
    """Set two models of a store (lstm 'gru[num_layers=2]') or two stores (old.db new.db) side by
    side, paired by seed.
    """
    from rnnbench.analysis.comparison import compare as compare_records

    if _is_store(a) and _is_store(b):
        comparison = compare_records(_records(Path(a)), _records(Path(b)), a, b)
    elif _is_store(a) or _is_store(b):
        model = b if _is_store(a) else a
        raise UsageError(
            f"{one_line(model, 120)!r} is not a file; give two models of one store, or the files of two stores."
        )
    else:
        comparison = compare_records(_records(store), None, a, b)
    click.echo(comparison.markdown() if markdown else comparison.text())
    return FAILED_GATE if fail_on_regression and comparison.regressions else 0


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--curves", "what", flag_value="curves", help="Learning curves, a row per validation."
)
@click.option("--profiles", "what", flag_value="profiles", help="Gradient profiles, a row per lag.")
@store_option
def export(output: Path, what: str | None, store: Path) -> None:
    """Write one tidy row per trial to OUTPUT, by its ending: .csv, .parquet or .jsonl."""
    from rnnbench.analysis import tables

    make = {"curves": tables.curves, "profiles": tables.profiles}.get(what or "", tables.tidy)
    frame = make(_records(store))
    tables.export(frame, output)
    click.echo(f"{len(frame)} rows: {output}")


@click.command()
@click.argument("trial")
@click.option("--log", "only_log", is_flag=True, help="Print the captured output alone.")
@store_option
def show(trial: str, only_log: bool, store: Path) -> None:
    """Show a trial by its id or the beginning of it: every attempt, its log, the traceback of a
    failed one.
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


def _describe(attempts: Sequence[Record], weights: Path | None) -> None:
    spec = attempts[-1].spec
    provider = spec.model.provider
    lines = [
        f"trial     {attempts[-1].trial_id}",
        f"task      {spec.task.label}  (version {spec.task.version}, {spec.task.provider.distribution})",
        f"model     {spec.model.label}  H={spec.model.hidden_size}  ({provider.distribution} {provider.version})",
        f"seed      {spec.seed}",
        f"settings  {', '.join(f'{name}={value}' for name, value in spec.settings.model_dump().items())}",
    ]
    if weights:
        lines.append(f"weights   {weights}")
    for record in attempts:
        lines += _outcome(record)
    click.echo("\n".join(map(printable, lines)))


def _outcome(record: Record) -> Iterator[str]:
    result = record.result
    yield f"-- attempt {record.attempt}: {result.status}, {record.started_at}, {record.seconds:.1f} s"
    if result.learning:
        learning = result.learning
        yield f"   {learning.score_name} {learning.score:.6g}, skill {learning.skill:.4f}, best step {learning.best_step}"
    if result.error:
        yield f"   {result.error}"
    if result.traceback:
        yield result.traceback.rstrip()


def _is_store(word: str) -> bool:
    """Whether a word means a file: one that is there, or one that no model could be called."""
    name = word.partition("[")[0]
    return os.path.isfile(word) or "." in name or "/" in name  # noqa: PTH113 - unlike Path's, false for any impossible name


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the garbage collector off: records are many, and it would walk over all of them again
    and again for nothing.
    """
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
            "no record fits --task and --model; type rnnbench report without them to see what there is."
        )
    return chosen
