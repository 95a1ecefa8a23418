"""``rnnbench generate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.cli.parameters import store_option
from rnnbench.cli.results import one_trial
from rnnbench.errors import UsageError, for_terminal

if TYPE_CHECKING:
    from rnnbench.records.spec import TrialSpec

EXAMPLE = """\b
Example:
  rnnbench run -t char-lm -m lstm --preset quick --seeds 1
  rnnbench generate TRIAL --prompt "anna saw " --length 200
"""
_MAX_SYMBOLS = 1_000_000


@click.command(epilog=EXAMPLE)
@click.argument("trial")
@click.option("--prompt", required=True, help="Beginning of the text.")
@click.option(
    "--length",
    type=click.IntRange(1, _MAX_SYMBOLS),
    default=200,
    show_default=True,
    help="Number of characters or words.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 100),
    default=0.8,
    show_default=True,
    help="Softmax temperature; 0 takes the most probable symbol.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the sampling.",
)
@store_option
def generate(
    trial: str, prompt: str, length: int, temperature: float, seed: int, store: Path
) -> None:
    r"""Generate text with the trained network of a trial.

    TRIAL is the id, or its beginning, of a trial of char-lm or word-lm. A file or a pipe gets the
    text unchanged, in UTF-8. On a terminal, control characters are shown as escapes such as \x1b.
    """
    spec, weights = _trained(trial, store)

    from rnnbench.contract import registry
    from rnnbench.training.generation import generate_text

    text = generate_text(
        spec,
        weights,
        registry.load(),
        prompt=prompt,
        length=length,
        temperature=temperature,
        seed=seed,
    )
    _write(text)


def _write(text: str) -> None:
    """Write a text to stdout: unchanged in UTF-8, or to a terminal without control characters."""
    if sys.stdout.isatty():
        click.echo(for_terminal(text))
    else:
        click.echo(text.encode(), nl=False)  # bytes, since stdout may be of another encoding


def _trained(trial: str, path: Path) -> tuple[TrialSpec, Path]:
    from rnnbench.records.result import Status
    from rnnbench.records.store import Store

    with Store(path, must_exist=True) as store:
        attempts = one_trial(store.records(every_attempt=True, trial=trial), trial, path)
        record = attempts[-1]
        if not any(attempt.result.status is Status.DONE for attempt in attempts):
            raise UsageError(
                f"trial {record.trial_id} is {record.result.status} and has no weights; "
                "run it again with --retry."
            )
        return record.spec, store.weights_of(record.trial_id)
