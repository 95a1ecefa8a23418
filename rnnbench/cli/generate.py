"""``rnnbench generate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.cli.parameters import store_option
from rnnbench.cli.trials import one_trial, printable

if TYPE_CHECKING:
    from rnnbench.records.spec import TrialSpec

EXAMPLE = """\b
Example:
  rnnbench run -t char-lm -m lstm --preset quick --seeds 1
  rnnbench generate TRIAL --prompt "anna saw " --length 200
"""
_MOST_SYMBOLS = 1_000_000
_MOST_SEED = 2**31 - 1


@click.command(epilog=EXAMPLE)
@click.argument("trial")
@click.option("--prompt", required=True, help="What the text begins with.")
@click.option(
    "--length",
    type=click.IntRange(1, _MOST_SYMBOLS),
    default=200,
    show_default=True,
    help="Characters or words to draw.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 100),
    default=0.8,
    show_default=True,
    help="Below 1 the probable becomes more so; 0 always takes the most probable.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, _MOST_SEED),
    default=0,
    show_default=True,
    help="Chooses the text.",
)
@store_option
def generate(
    trial: str, prompt: str, length: int, temperature: float, seed: int, store: Path
) -> None:
    """Write text with the trained network of a trial of char-lm or word-lm, named by its id or the
    beginning of it.
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
    click.echo(printable(text))


def _trained(trial: str, path: Path) -> tuple[TrialSpec, Path]:
    from rnnbench.errors import UsageError
    from rnnbench.records.result import Status
    from rnnbench.records.store import Store

    with Store(path, must_exist=True) as store:
        attempts = one_trial(store.records(every_attempt=True, trial=trial), trial, path)
        record = attempts[-1]
        if not any(attempt.result.status is Status.DONE for attempt in attempts):
            raise UsageError(
                f"trial {record.trial_id} is {record.result.status}, so that it has no weights; run it again."
            )
        return record.spec, store.weights_of(record.trial_id)
