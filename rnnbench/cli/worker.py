"""``rnnbench worker``: the trials of a bundle, on the node of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import FilePath

if TYPE_CHECKING:
    from rnnbench.records.result import Record


@click.command(cls=Command, hidden=True)
@click.argument("bundle", type=FilePath())
@click.option(
    "-o",
    "--output",
    type=FilePath(),
    help="File that records are appended to. Default: BUNDLE.records.",
)
def worker(bundle: Path, output: Path | None) -> int:
    """Run the trials of the file BUNDLE, and append each record to a file.

    Executors call it on the nodes of a cluster. The same command again runs what the file of
    records lacks. A node whose plugins, versions or data differ from the driver's is refused.
    """
    from rnnbench.execution.bundles.bundle import read_bundle
    from rnnbench.execution.bundles.worker import check_node, run_bundle
    from rnnbench.execution.interruption import Interruption

    read = read_bundle(bundle)
    check_node(read)
    output = output or bundle.with_name(f"{bundle.name}.records")
    with Interruption() as interruption:
        worked = run_bundle(read, output, interruption, _tell)
    echo(f"{worked.ran} trials run, {worked.known} known: {output}")
    return worked.exit_code


def _tell(record: Record) -> None:
    spec, status = record.spec, record.result.status
    name = f"{spec.task.label} · {spec.model.label} · seed {spec.seed_label}"
    echo(f"{name} · {status} · {record.seconds:.0f} s · {record.trial_id}")
