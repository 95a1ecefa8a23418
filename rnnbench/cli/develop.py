"""``rnnbench new`` and ``rnnbench check``, for authors of plugins."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import Choice, FilePath
from rnnbench.errors import UsageError

KINDS = ("cell", "model", "task", "suite")
_WORDS = {"cell": "cell", "model": "model", "task": "task", "suite": "suite"}
NEW_EXAMPLES = """\b
Examples:
  rnnbench new cell my-cell
  rnnbench new suite my-suite
  rnnbench new suite --schema > suite.schema.json
"""
CHECK_EXAMPLES = """\b
Examples:
  rnnbench check lstm
  rnnbench check 'lstm[num_layers=1,2]'
  rnnbench check forget-bias-half-life
"""


class _Check(Command):
    def arranged(self, words: Sequence[str]) -> list[str] | None:
        """Return ``-m lstm`` and ``--model=lstm`` as the name alone."""
        flags = ("-m", "--model", "-t", "--task", "--claim")
        names = [word.partition("=")[2] if word.split("=")[0] in flags else word for word in words]
        found = [name for name in names if name and not name.startswith("-")]
        return found if len(found) == 1 else None


@click.command(cls=_Check, epilog=CHECK_EXAMPLES)
@click.argument("name")
def check(name: str) -> int:
    """Check a model, a task or a claim against the plugin contract.

    Options are given inline; several values of an option are checked one by one. The rule of a
    claim decides simulated records of which the truth is known. The exit code is 1 if a check
    fails.
    """
    from rnnbench.records.syntax import parse_selectors
    from rnnbench.testing import run_checks

    failed = total = 0
    for selector in parse_selectors([name]):
        for options in selector.grid():
            for result in run_checks(selector.pattern, options):
                if result.passed:
                    echo(f"ok    {result.name}")
                else:
                    mark = click.style("FAIL", fg="red")
                    echo(f"{mark}  {result.name}: {result.message}")
                failed += not result.passed
                total += 1
    echo(f"{name}: {total - failed} of {total} checks passed")
    return 1 if failed else 0


@click.command(cls=Command, epilog=NEW_EXAMPLES)
@click.argument("kind", type=Choice(KINDS))
@click.argument("name", required=False)
@click.argument("folder", required=False, type=FilePath())
@click.option("--schema", is_flag=True, help="Print the JSON schema of suites and write no file.")
def new(kind: str, name: str | None, folder: Path | None, schema: bool) -> None:
    """Create a plugin project for a cell, a model or a task, or a suite file.

    A cell is one step of a recurrent network, of which rnnbench makes the model; a model is any
    module. A project is installable and passes its own tests; FOLDER defaults to rnnbench-NAME. A
    suite is a commented example that runs; FOLDER is then its file and defaults to NAME.yaml.
    """
    if schema:
        _print_schema(kind)
    elif name is None:
        raise UsageError(f"the name is missing; type: rnnbench new {kind} my-{_WORDS[kind]}")
    elif kind == "suite":
        _new_suite(name, folder)
    else:
        _new_project(kind, name, folder)


def _new_project(kind: str, name: str, folder: Path | None) -> None:
    from rnnbench.cli.scaffold import new_cell, new_model, new_task

    project = {"cell": new_cell, "model": new_model, "task": new_task}[kind](name, folder)
    flag = "--task" if kind == "task" else "--model"
    echo(f"Created {project}. Next:")
    echo(f"  pip install -e {shlex.quote(str(project))}")
    echo(f"  rnnbench check {name}")
    other = "--model lstm,gru" if kind == "task" else "--task copy-memory"
    echo(f"  rnnbench run {flag} {name} {other} --steps 500")


def _new_suite(name: str, file: Path | None) -> None:
    from rnnbench.cli.scaffold import new_suite

    suite = new_suite(name, file)
    echo(f"Created {suite}. Next:")
    echo(f"  rnnbench run --suite {shlex.quote(str(suite))} --dry-run")
    echo(f"  rnnbench run --suite {shlex.quote(str(suite))}")


def _print_schema(kind: str) -> None:
    from rnnbench.plan.suites import suite_schema

    if kind != "suite":
        raise UsageError("only suites have a schema; type: rnnbench new suite --schema")
    echo(json.dumps(suite_schema(), indent=2))
