"""Output of the commands."""

from __future__ import annotations

import sys

import click


def echo(text: str, *, err: bool = False) -> None:
    """Print a line; its styles are kept on a terminal only.

    ``click.echo`` alone writes UTF-8 to a stream that is declared to be ASCII.
    """
    click.echo(text, file=sys.stderr if err else sys.stdout)  # noqa: TID251
