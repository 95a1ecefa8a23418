"""``rnnbench new`` and ``rnnbench check``: for those who write plugins."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name")
def check(name: str) -> int:
    """Check a model or a task against the contract; options inline: 'lstm[num_layers=2]'. Exits
    with 1 when it breaks it.
    """
    from rnnbench.records.syntax import parse_selectors
    from rnnbench.testing import run_checks

    failed = total = 0
    for choice in parse_selectors([name]):
        for options in choice.grid():
            results = run_checks(choice.pattern, options)
            for result in results:
                click.secho(
                    f"{'ok  ' if result.passed else 'FAIL'}  ",
                    fg=None if result.passed else "red",
                    nl=False,
                )
                click.echo(result.name if result.passed else f"{result.name}: {result.message}")
            failed += sum(not result.passed for result in results)
            total += len(results)
    click.echo(f"{name}: {total - failed} of {total} checks passed")
    return 1 if failed else 0


@click.command()
@click.argument("kind", type=click.Choice(["model", "task"]))
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def new(kind: str, name: str, folder: Path | None) -> None:
    """Write an installable plugin project for a model or a task, which passes its own tests as it
    is.
    """
    import shlex

    from rnnbench.cli.scaffold import new_model, new_task

    project = (new_model if kind == "model" else new_task)(name, folder)
    flag = "--model" if kind == "model" else "--task"
    click.echo(f"Wrote {project}. Next:")
    click.echo(f"  pip install -e {shlex.quote(str(project))}")
    click.echo(f"  rnnbench check {name}")
    other = "--task copy-memory" if kind == "model" else "--model lstm,gru"
    click.echo(f"  rnnbench run {flag} {name} {other} --steps 500")
