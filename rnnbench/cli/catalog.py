"""``rnnbench list`` and ``rnnbench plugins``."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from rnnbench.cli.parameters import LOG_WIDTH
from rnnbench.errors import UsageError, did_you_mean, one_line

if TYPE_CHECKING:
    from rich.console import Console

    from rnnbench.contract.entries import RegisteredModel, RegisteredTask
    from rnnbench.contract.options import Option
    from rnnbench.plan.suites import Suite


@click.command("list")
@click.argument("what", type=click.Choice(["models", "tasks", "suites"]), required=False)
@click.argument("pattern", default="*")
def list_(what: str | None, pattern: str) -> None:
    """List models, tasks or suites: a line each, options with defaults, and who provides them."""
    from rich.console import Console

    console = Console(highlight=False)
    for kind in [what] if what else ["models", "tasks", "suites"]:
        if not what:
            console.print(f"[bold]{kind}[/bold]")
        members = _members(kind)
        for name in _fitting(kind.removesuffix("s"), pattern, sorted(members)):
            _show(name, members[name], console)


def _members(kind: str) -> Mapping[str, RegisteredModel | RegisteredTask | Suite]:
    if kind == "suites":
        from rnnbench.plan.suites import shipped

        return shipped()
    from rnnbench.contract import registry as plugins

    registry = plugins.load()
    return registry.models if kind == "models" else registry.tasks


def _fitting(kind: str, pattern: str, known: Sequence[str]) -> list[str]:
    names = fnmatch.filter(known, pattern)
    if not names and pattern != "*":
        near = did_you_mean(pattern.strip("*?"), known)
        raise UsageError(
            f"no {kind} fits {one_line(pattern, 80)!r}.{near} Type: rnnbench list {kind}s"
        )
    return names


def _show(name: str, member: RegisteredModel | RegisteredTask | Suite, console: Console) -> None:
    from rnnbench.plan.suites import Suite

    console.print(f"[bold]{name}[/bold]", end="  ")
    if isinstance(member, Suite):
        console.print(member.description, markup=False, soft_wrap=True)
        return
    provider = f"{member.provider.distribution} {member.provider.version}"
    console.print(f"{member.summary}  ({provider})", markup=False, soft_wrap=True)
    if member.options:
        shown = ", ".join(map(_option, member.options.values()))
        console.print(f"    {shown}", markup=False, soft_wrap=True, style="dim")


def _option(option: Option) -> str:
    from rnnbench.records.syntax import option_text

    return f"{option.name}={option_text(option.default)}"


@click.command()
def plugins() -> int:
    """List every plugin with its distribution and version, what it provides, and what went wrong."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rnnbench.contract import registry

    loaded = registry.load()
    table = Table(
        "plugin",
        "distribution",
        "version",
        "provides",
        "state",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for plugin in loaded.plugins:
        provides = ", ".join([*plugin.models, *plugin.tasks])
        state = plugin.error or ("disabled" if plugin.disabled else "ok")
        style = "red" if plugin.error else "dim" if plugin.disabled else ""
        cells = (
            plugin.name,
            plugin.provider.distribution,
            plugin.provider.version,
            provides,
            state,
        )
        table.add_row(*(Text(cell, style=style) for cell in cells))
    console = Console()
    if not console.is_terminal:
        console.width = LOG_WIDTH
    console.print(table)
    return 1 if loaded.faults else 0
