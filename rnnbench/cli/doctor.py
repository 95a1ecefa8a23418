"""``rnnbench doctor``: is the installation sound, and the store whole?"""

from __future__ import annotations

import itertools
from pathlib import Path

import click

from rnnbench.cli.parameters import store_option


@click.command()
@click.option(
    "--rescue",
    type=click.Path(path_type=Path),
    help="Copy every readable record of --store into this new store.",
)
@store_option
def doctor(rescue: Path | None, store: Path) -> int:
    """Check the installation, the plugins and the store; or, with --rescue, save what is readable
    of a damaged store.
    """
    if rescue is not None:
        from rnnbench.records.rescue import rescue_records

        kept, lost = rescue_records(store, rescue)
        _tell(not lost, f"{kept} attempts copied to {rescue}, {lost} could not be read")
        return 1 if lost else 0

    from rnnbench.cli.health import installation, store_health

    healthy = True
    for finding in itertools.chain(installation(), [store_health(store)]):
        _tell(finding.good, finding.text)
        healthy &= finding.good
    return 0 if healthy else 1


def _tell(good: bool, text: str) -> None:
    click.echo(f"{'ok  ' if good else 'FAIL'}  {text}")
