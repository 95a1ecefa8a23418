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

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import FilePath, store_option
from rnnbench.encoding import plain
from rnnbench.errors import UsageError, did_you_mean, printable
from rnnbench.reading import read_records, read_tries

if TYPE_CHECKING:
    from rnnbench.records.result import Record
    from rnnbench.records.spec import ModelSpec, TaskSpec, TrialSpec

FAILED_GATE = 3
smallest_effect_option = click.option(
    "--smallest-effect",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    default=0.01,
    show_default=True,
    help="Smaller differences are called equivalent: a share of the range from a task's baseline "
    "to its perfect score.",
)
REPORT_EXAMPLES = """\b
Examples:
  rnnbench report
  rnnbench report -o lstm-report -m 'lstm*' --title "LSTM only"
"""
EXPORT_EXAMPLES = """\b
Examples:
  rnnbench export results.csv
  rnnbench export curves.parquet --curves
"""
COMPARE_EXAMPLES = """\b
Examples:
  rnnbench compare lstm 'gru[num_layers=2]'
  rnnbench compare old.db new.db --fail-on-regression
"""


class _Compare(Command):
    def arranged(self, words: Sequence[str]) -> list[str] | None:
        """Return ``lstm,gru`` as two words, and two of more words, without ``vs`` and ``and``."""
        from rnnbench.records.syntax import parse_selectors, spelled

        names = [word for word in words if word.lower() not in ("vs", "vs.", "and", "with")]
        if not names or any(word.startswith("-") for word in names):
            return None
        try:
            parts = [
                spelled(selector.pattern, selector.options) for selector in parse_selectors(names)
            ]
        except UsageError:
            return None
        return parts[:2] if len(parts) > 1 else None


class _Export(Command):
    def arranged(self, words: Sequence[str]) -> list[str] | None:
        """Return ``-o out.csv`` and ``--output=out.csv`` as the file alone."""
        flags = ("-o", "--output", "--out", "--file")
        rest = list(words)
        for place, word in enumerate(rest):
            flag, equals, value = word.partition("=")
            if flag in flags and (equals or place + 1 < len(rest)):
                file = value if equals else rest.pop(place + 1)
                return [*rest[:place], file, *rest[place + 1 :]]
        return None


@click.command(cls=Command, epilog=REPORT_EXAMPLES)
@click.option(
    "-o",
    "--output",
    type=FilePath(),
    metavar="FOLDER",
    default="rnnbench-report",
    show_default=True,
    help="Folder of the report.",
)
@click.option(
    "-t",
    "--task",
    "tasks",
    multiple=True,
    help="Only these tasks: names, globs, labels; repeats; commas.",
)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Only these models: names, globs, labels; repeats; commas.",
)
@click.option("--title", help="Title of the report. Default: the tasks.")
@smallest_effect_option
@store_option
def report(
    output: Path,
    tasks: tuple[str, ...],
    models: tuple[str, ...],
    title: str | None,
    smallest_effect: float,
    store: Path,
) -> None:
    """Write a report from the records of a store.

    The folder holds index.html, report.md, figures and results.csv.
    """
    from rnnbench.execution.environment import THREAD_VARIABLES, available_cores

    # The matrices are small, so that threads of numpy would only compete with each other.
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    from rnnbench.analysis.tuning.recipes import without_superseded
    from rnnbench.analysis.tuning.studies import studies
    from rnnbench.report.write import write_report

    with _uncollected():
        records = _selected(read_records(store), tasks, models)
        kept = {(record.spec.task.task_id, record.spec.model.name) for record in records}
        tries = [
            record
            for record in read_tries(store)
            if (record.spec.task.task_id, record.spec.model.name) in kept
        ]
        found = studies(tries)
        shown = without_superseded(records, found)
        command = shlex.join(["rnnbench", *sys.argv[1:]])
        index = write_report(
            shown,
            output,
            command=command,
            title=title,
            smallest_effect=smallest_effect,
            processes=available_cores(),
            tries=tries,
        )
    if left_out := len(records) - len(shown):
        echo(
            f"rnnbench: {left_out} trials are left out, whose recipes were chosen by fewer tries "
            "of a tuning study than there are now",
            err=True,
        )
    echo(f"Report: {index}")


@click.command(cls=_Compare, epilog=COMPARE_EXAMPLES)
@click.argument("a")
@click.argument("b")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.option("--fail-on-regression", is_flag=True, help="Exit with code 3 if B is worse than A.")
@smallest_effect_option
@store_option
def compare(
    a: str,
    b: str,
    markdown: bool,
    fail_on_regression: bool,
    smallest_effect: float,
    store: Path,
) -> int:
    """Compare two models of a store, or two stores.

    A and B are two models with their options inline, or the files of two stores. Differences are B
    minus A. Where a store holds several budgets of a model, each is compared on its own; one of
    them is named as in 'lstm[learning_rate=0.01]'.
    """
    from rnnbench.analysis.comparison import compare as compare_records
    from rnnbench.report.comparison import comparison_markdown, comparison_text

    if _is_store(a) and _is_store(b):
        comparison = compare_records(
            read_records(Path(a)), read_records(Path(b)), a, b, smallest_effect
        )
    elif _is_store(a) or _is_store(b):
        model = b if _is_store(a) else a
        raise UsageError(
            f"{model!r} is not a file; give two models of one store, or the files of two stores."
        )
    else:
        comparison = compare_records(read_records(store), None, a, b, smallest_effect)
    encoding = getattr(sys.stdout, "encoding", None)
    text = (
        comparison_markdown(comparison)
        if markdown
        else comparison_text(comparison, lambda cell: plain(cell, encoding))
    )
    echo(printable(text))
    return FAILED_GATE if fail_on_regression and comparison.regressions else 0


@click.command(cls=_Export, epilog=EXPORT_EXAMPLES)
@click.argument("output", type=FilePath())
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
    frame = make(read_records(store))
    tables.export(frame, output)
    echo(f"{len(frame)} rows: {output}")


@click.command(cls=Command)
@click.argument("trial")
@click.option("--log", "only_log", is_flag=True, help="Print the captured output only.")
@store_option
def show(trial: str, only_log: bool, store: Path) -> None:
    """Show all attempts at a trial, with logs and tracebacks.

    TRIAL is the id of a trial or its beginning. rnnbench run --dry-run lists the ids of a run's
    trials, rnnbench export trials.csv those of a store.
    """
    from rnnbench.records.store import Store

    with Store(store, must_exist=True) as opened:
        attempts = one_trial(
            opened.records(every_attempt=True, trial=trial, purpose="all"), trial, store
        )
        weights = opened.weights_of(attempts[0].trial_id)
    if not only_log:
        _describe(attempts, weights if weights.exists() else None)
    for record in attempts:
        if record.log.strip():
            if not only_log:
                echo(f"-- log of attempt {record.attempt}")
            echo(printable(record.log.rstrip()))


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
    provider = f"{model.provider.distribution} {model.provider.version}".strip()
    settings = (f"{name}={value}" for name, value in spec.settings.model_dump().items())
    lines = [
        f"trial     {attempts[-1].trial_id}",
        f"task      {task.label}  (version {task.version}, {task.provider.distribution})",
        f"model     {model.label}  H={model.hidden_size}  ({provider})",
        f"seed      {spec.seed_label}",
        *_tuning(spec),
        f"settings  {', '.join(settings)}",
    ]
    if weights:
        lines.append(f"weights   {weights}")
    if model.code:
        lines += ["-- source of the model", model.code.rstrip()]
    for record in attempts:
        lines += _outcome(record)
    echo("\n".join(map(printable, lines)))


def _tuning(spec: TrialSpec) -> Iterator[str]:
    if spec.tuning is not None:
        yield f"try       {spec.tuning.number} of study {spec.tuning.study}: {spec.tuning.label}"
        yield f"space     {', '.join(axis.text for axis in spec.tuning.space)}"
        yield f"sampler   {spec.tuning.sampler}, pruner {spec.tuning.pruner}"


def _outcome(record: Record) -> Iterator[str]:
    from rnnbench.analysis.gradient_history import line_of

    result = record.result
    duration = f"{record.seconds:.1f} s"
    yield f"-- attempt {record.attempt}: {result.status}, {record.started_at}, {duration}"
    if result.learning:
        learning = result.learning
        score = f"{learning.score_name} {learning.score:.6g}, skill {learning.skill:.4f}"
        yield f"   {score}, best step {learning.best_step}"
        if learning.implementation:
            yield f"   {learning.implementation}"
        if learning.unsolvable:
            yield f"   not solvable: {learning.unsolvable}"
    if result.validated:
        kept = result.validated
        score = f"validation {kept.score_name} {kept.best_score:.6g}"
        yield f"   {score}, loss {kept.best_loss:.6g}, best step {kept.best_step}"
    if line := line_of(record):
        yield f"   {line}"
    for note in result.all_notes:
        yield f"   {note}"
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


def _selected(
    records: list[Record], tasks: tuple[str, ...], models: tuple[str, ...]
) -> list[Record]:
    """Return the records of the tasks and models asked for, all of them where none is named.

    Raises:
        UsageError: no record is of a task or model asked for; a near name is suggested.
    """
    chosen = records
    for kind, words in (("task", tasks), ("model", models)):
        if not words:
            continue
        specs = {record.trial_id: getattr(record.spec, kind) for record in chosen}
        kept = [r for r in chosen if any(_is_meant(specs[r.trial_id], word) for word in words)]
        if chosen and not kept:
            names = sorted({spec.name for spec in specs.values()})
            raise UsageError(
                f"no record matches --{kind} {', '.join(words)}."
                f"{did_you_mean(words[0], names)} The store has: {', '.join(names)}."
            )
        chosen = kept
    return chosen


def _is_meant(spec: TaskSpec | ModelSpec, words: str) -> bool:
    """Return whether a task or model is one of the names, globs or labels in ``words``."""
    from fnmatch import fnmatch

    from rnnbench.records.syntax import ALL, canonical, parse_selectors, spelled

    return any(
        canonical(spec.label) == canonical(spelled(selector.pattern, selector.options))
        if selector.options
        else selector.pattern == ALL or fnmatch(spec.name, selector.pattern)
        for selector in parse_selectors([words])
    )
