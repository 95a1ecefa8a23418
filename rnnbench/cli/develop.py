"""``rnnbench new`` and ``rnnbench check``, for authors of plugins."""

from __future__ import annotations

from pathlib import Path

import click

CHECK_EXAMPLES = """\b
Examples:
  rnnbench check lstm
  rnnbench check 'lstm[num_layers=1,2]'
"""


@click.command(epilog=CHECK_EXAMPLES)
@click.argument("name")
def check(name: str) -> int:
    """Check a model or a task against the plugin contract.

    Options are given inline; several values of an option are checked one by one. The exit code is 1
    if a check fails.
    """
    from rnnbench.records.syntax import parse_selectors
    from rnnbench.testing import run_checks

    failed = total = 0
    for selector in parse_selectors([name]):
        for options in selector.grid():
            for result in run_checks(selector.pattern, options):
                if result.passed:
                    click.echo(f"ok    {result.name}")
                else:
                    click.secho("FAIL  ", fg="red", nl=False)
                    click.echo(f"{result.name}: {result.message}")
                failed += not result.passed
                total += 1
    click.echo(f"{name}: {total - failed} of {total} checks passed")
    return 1 if failed else 0


@click.command()
@click.argument("kind", type=click.Choice(["model", "task"]))
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def new(kind: str, name: str, folder: Path | None) -> None:
    """Create a plugin project for a model or a task.

    The project is installable and passes its own tests. FOLDER defaults to rnnbench-NAME.
    """
    import shlex

    from rnnbench.cli.scaffold import new_model, new_task

    project = (new_model if kind == "model" else new_task)(name, folder)
    flag = "--model" if kind == "model" else "--task"
    click.echo(f"Created {project}. Next:")
    click.echo(f"  pip install -e {shlex.quote(str(project))}")
    click.echo(f"  rnnbench check {name}")
    other = "--task copy-memory" if kind == "model" else "--model lstm,gru"
    click.echo(f"  rnnbench run {flag} {name} {other} --steps 500")
