"""``rnnbench merge``: stores of several runs or machines joined into one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import FilePath

if TYPE_CHECKING:
    from rnnbench.records.merging import Conflict

EXAMPLES = """\b
Examples:
  rnnbench run --suite leaderboard --shard 1/2 --store part-1.db
  rnnbench run --suite leaderboard --shard 2/2 --store part-2.db
  rnnbench merge all.db part-1.db part-2.db
  rnnbench report --store all.db
"""
SHOWN = 10
"""Conflicts that are listed."""


@click.command(cls=Command, epilog=EXAMPLES)
@click.argument("target", type=FilePath())
@click.argument("sources", type=FilePath(), nargs=-1, required=True)
def merge(target: Path, sources: tuple[Path, ...]) -> None:
    """Take the records of stores into the store TARGET, which is created when absent.

    SOURCES are stores, or files of export --records. They are left as they are. Every attempt is
    kept. Of a trial with several results the latest finished one counts; such trials are listed.
    Merging the same files again changes nothing.
    """
    from rnnbench.analysis.formatting import counted
    from rnnbench.records.merging import merge_stores

    merged = merge_stores(target, sources)
    echo(
        f"{target}: {counted(merged.added, 'attempt')} at {counted(merged.trials, 'trial')} and "
        f"{counted(merged.speeds, 'timing')} added; {counted(merged.known, 'attempt')} had been "
        "there."
    )
    if merged.conflicts:
        echo(f"{counted(len(merged.conflicts), 'trial')} with different results:")
        for conflict in merged.conflicts[:SHOWN]:
            _show(conflict)
        if (more := len(merged.conflicts) - SHOWN) > 0:
            echo(f"  and {more:,} more; rnnbench show TRIAL has every attempt of one")


def _show(conflict: Conflict) -> None:
    echo(f"  {conflict.trial_id}  {conflict.label}")
    echo(f"    counts: {conflict.counts}")
    for other in conflict.others:
        echo(f"    other:  {other}")
