"""``rnnbench list`` and ``rnnbench plugins``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.parameters import LOG_WIDTH, Choice

if TYPE_CHECKING:
    from rich.console import Console

    from rnnbench.contract.entries import RegisteredClaim, RegisteredModel, RegisteredTask
    from rnnbench.contract.options import Option
    from rnnbench.contract.registry import PluginReport
    from rnnbench.records.suite import Suite

KINDS = ("models", "tasks", "claims", "suites")
_MOST_NAMED = 4
"""Names of what a plugin provides in the table of plugins."""
LIST_EXAMPLES = """\b
Examples:
  rnnbench list
  rnnbench list models '*lstm'
  rnnbench list models family:gated
"""


class _Kind(Choice):
    """The kind of what is listed; a name of a model, task or suite tells the kind to type."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the kind."""
        if value not in KINDS:
            for kind in KINDS:
                if value in _members(kind):
                    name = "rnnbench list"
                    self.fail(f"{value!r} is one of the {kind}. Type: {name} {kind} {value}")
        return super().convert(value, param, ctx)


@click.command("list", cls=Command, epilog=LIST_EXAMPLES)
@click.argument("kind", type=_Kind(KINDS), required=False)
@click.argument("pattern", default="*")
def list_(kind: str | None, pattern: str) -> None:
    """List models, tasks, claims and suites.

    Each is listed with its options, their defaults, and the distribution that provides it, models
    by family. PATTERN is a name, a glob, or family:gated for the models of a family; without it and
    without a kind, everything is listed.
    ``rnnbench info NAME`` shows one of them with its equations and sources.
    """
    from rich.console import Console

    from rnnbench.contract import registry
    from rnnbench.plan.planning import families_of
    from rnnbench.records.syntax import matches, of_family

    console = Console(highlight=False)
    for each in [kind] if kind else KINDS:
        if not kind:
            console.print(f"[bold]{each}[/bold]")
        members = _members(each)
        names = sorted(members)
        found = names if pattern == "*" else None
        if found is None and each == "models":
            found = of_family(pattern, names, families_of(registry.load()))
        if found is None:
            found = matches(each.removesuffix("s"), pattern, names)
        for heading, group in _grouped(found, members).items():
            if heading:
                console.print(f"[bold underline]{heading}[/]", soft_wrap=True)
            for name in group:
                _show(name, members[name], console)


def _members(
    kind: str,
) -> Mapping[str, RegisteredModel | RegisteredTask | RegisteredClaim | Suite]:
    if kind == "suites":
        from rnnbench.plan.suites import shipped

        return shipped()
    from rnnbench.contract import registry

    loaded = registry.load()
    if kind == "claims":
        return loaded.claims
    return loaded.models if kind == "models" else loaded.tasks


def _grouped(names: Sequence[str], members: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return names by heading: families of models, ``other`` last; anything else has none."""
    from rnnbench.records.syntax import OTHER

    found: dict[str, list[str]] = {}
    for name in names:
        family = getattr(members[name], "family", None)
        found.setdefault("" if family is None else family or OTHER, []).append(name)
    return dict(sorted(found.items(), key=lambda each: (each[0] == OTHER, each[0])))


def _show(
    name: str,
    member: RegisteredModel | RegisteredTask | RegisteredClaim | Suite,
    console: Console,
) -> None:
    from rnnbench.contract.entries import RegisteredClaim
    from rnnbench.records.suite import Suite

    console.print(f"[bold]{name}[/bold]", end="  ")
    if isinstance(member, Suite):
        console.print(member.description, markup=False, soft_wrap=True)
        return
    provider = f"{member.provider.distribution} {member.provider.version}"
    console.print(f"{member.summary}  ({provider})".lstrip(), markup=False, soft_wrap=True)
    if not isinstance(member, RegisteredClaim) and member.options:
        shown = ", ".join(map(_option, member.options.values()))
        console.print(f"    {shown}", markup=False, soft_wrap=True, style="dim")


def _option(option: Option) -> str:
    from rnnbench.records.syntax import option_text

    return f"{option.name}={option_text(option.default)}"


def _provided(plugin: PluginReport) -> str:
    """Return the names of what a plugin provides; their numbers where these are many."""
    if len(plugin.provided) <= _MOST_NAMED:
        return ", ".join(plugin.provided)
    counts = {"model": plugin.models, "task": plugin.tasks, "claim": plugin.claims}
    return ", ".join(f"{len(names)} {kind}s" for kind, names in counts.items() if names)


@click.command(cls=Command)
def plugins() -> int:
    """List plugins with their state.

    Each is listed with its distribution and version, the models and tasks that it provides, and
    the errors and warnings of loading it. The exit code is 1 if a plugin could not be loaded.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rnnbench.contract import registry

    loaded = registry.load()
    headings = ("plugin", "distribution", "version", "provides", "state")
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for plugin in loaded.plugins:
        style = "red" if plugin.error else "dim" if plugin.disabled else ""
        cells = (
            plugin.name,
            plugin.provider.distribution,
            plugin.provider.version,
            _provided(plugin),
            plugin.state,
        )
        table.add_row(*(Text(cell, style=style) for cell in cells))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    console.print(table)
    for plugin in loaded.plugins:
        for warning in plugin.warnings:
            console.print(f"warning of {plugin.label}: {warning}", markup=False, soft_wrap=True)
    return 1 if loaded.faults else 0
