"""``rnnbench claims``: list claims, or judge them on the records of a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import LOG_WIDTH, FilePath

if TYPE_CHECKING:
    from rich.console import Console

    from rnnbench.analysis.claims.judged import JudgedClaim

CONTRADICTED = 3
"""Exit code of ``--gate`` where a claim is contradicted."""
EXAMPLES = """\b
Examples:
  rnnbench claims
  rnnbench claims 'lstm-*'
  rnnbench claims --store rnnbench.db --gate
"""


@click.command(cls=Command, epilog=EXAMPLES)
@click.argument("names", nargs=-1)
@click.option(
    "--store",
    type=FilePath(),
    metavar="FILE",
    help="Judge the claims on the records of this store. Default: list the claims.",
)
@click.option("--preset", metavar="NAME", help="Size of the trials: quick or standard.")
@click.option("--gate", is_flag=True, help="Exit with code 3 if a claim is contradicted.")
def claims(names: Sequence[str], store: Path | None, preset: str | None, gate: bool) -> int:
    """List claims about architectures, or judge them on the records of a store.

    NAMES are names or globs; default: all. A claim is a statement with the trials and the rule that
    decide on it; ``rnnbench info NAME`` shows one in full, ``rnnbench run --claim NAME`` runs it.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    if store is None:
        return _list(names or ("all",), console)
    from rnnbench.reading import judged_claims

    judged = judged_claims(store, names or ("all",), preset=preset)
    show_verdicts(judged, console)
    return gated(judged) if gate else 0


def _list(names: Sequence[str], console: Console) -> int:
    from rnnbench.contract import registry
    from rnnbench.plan.asked import claims_named

    loaded = registry.load()
    for claim in claims_named(names, loaded):
        entry = loaded.claims[claim.name]
        provider = f"{entry.provider.distribution} {entry.provider.version}"
        console.print(f"[bold]{claim.name}[/bold]", end="  ")
        console.print(f"{claim.statement}  ({provider})", markup=False, soft_wrap=True)
    return 0


def gated(judged: Sequence[JudgedClaim]) -> int:
    """Return the exit code of ``--gate``, and name the contradicted claims on stderr."""
    wrong = [each.claim.name for each in judged if each.verdict == "contradicted"]
    if not wrong:
        return 0
    echo(f"rnnbench: contradicted: {', '.join(wrong)}.", err=True)
    return CONTRADICTED


def show_verdicts(judged: Sequence[JudgedClaim], console: Console) -> None:
    """Print a table of verdicts, and what would decide the undecided ones."""
    from rich.table import Table
    from rich.text import Text

    from rnnbench.analysis.claims.words import effect_text, needed_text, p_text, seeds_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("claim", "verdict", "effect", "holds if", "p", "trials"):
        table.add_column(
            heading, justify="right" if heading in ("effect", "p", "trials") else "left"
        )
    colours = {"supported": "green", "contradicted": "red", "undecided": "yellow"}
    for each in judged:
        table.add_row(
            Text(each.claim.name),
            Text(each.verdict, style=colours[each.verdict]),
            effect_text(each),
            str(each.claim.rule),
            p_text(each),
            seeds_text(each),
        )
    console.print(table)
    for each in judged:
        if text := needed_text(each):
            console.print(f"{each.claim.name}: {text}.", markup=False, soft_wrap=True)
