"""``rnnbench generate``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnbench.api import DEFAULT_STORE
from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
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


@click.command(cls=Command, epilog=EXAMPLE)
@click.argument("trial")
@click.option("--prompt", help="Beginning of the text.")
@click.option(
    "--length",
    type=click.IntRange(1, _MAX_SYMBOLS),
    default=200,
    show_default=True,
    help="Number of characters, words or frames.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 100),
    default=0.8,
    show_default=True,
    help="Divides the logits; 0 takes the most probable symbol or notes.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the sampling.",
)
@click.option(
    "--show-vocabulary",
    is_flag=True,
    help="Print the known characters, words or notes, one per line.",
)
@store_option
def generate(
    trial: str,
    prompt: str | None,
    length: int,
    temperature: float,
    seed: int,
    show_vocabulary: bool,
    store: Path,
) -> None:
    r"""Generate text with the trained network of a trial.

    TRIAL is the id, or its beginning, of a trial of char-lm, word-lm or polyphonic-music. The
    prompt consists of characters or words of the training text, or of frames such as
    "60 64 67, 62 65 69". A file or a pipe gets the text unchanged, in UTF-8. On a terminal, control
    characters are shown as escapes such as \x1b.
    """
    if prompt is None and not show_vocabulary:
        raise UsageError(
            "the prompt is missing; type: "
            f'rnnbench generate {shlex.quote(trial)} --prompt "the "{_from(store)}'
        )
    spec, weights = _trained(trial, store)

    from rnnbench.contract import registry
    from rnnbench.training.generation import UnknownSymbolError, generate_text, vocabulary

    if show_vocabulary or prompt is None:
        for symbol in vocabulary(spec, registry.load()):
            echo(_shown(symbol))
        return
    try:
        text = generate_text(
            spec,
            weights,
            registry.load(),
            prompt=prompt,
            length=length,
            temperature=temperature,
            seed=seed,
        )
    except UnknownSymbolError as error:
        raise UsageError(
            f"{error} To see these, type: rnnbench generate {spec.trial_id} --show-vocabulary"
            f"{_from(store)}"
        ) from None
    _write(text)


def _from(store: Path) -> str:
    """Return the option that names a store, where it is needed."""
    return "" if str(store) == DEFAULT_STORE else f" --store {shlex.quote(str(store))}"


def _shown(symbol: str) -> str:
    """Return a symbol as a line: blanks and characters that do not print in quotes, escaped."""
    return symbol if symbol.isprintable() and symbol.strip() == symbol != "" else repr(symbol)


def _write(text: str) -> None:
    """Write a text to stdout: unchanged in UTF-8, or to a terminal without control characters."""
    if sys.stdout.isatty():
        echo(for_terminal(text))
    else:
        # bytes, since stdout may be of another encoding
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def _trained(trial: str, path: Path) -> tuple[TrialSpec, Path]:
    from rnnbench.records.result import Status
    from rnnbench.records.store import Store

    with Store(path, must_exist=True) as store:
        attempts = one_trial(
            store.records(every_attempt=True, trial=trial, purpose="all"), trial, path
        )
        record = attempts[-1]
        if record.spec.tuning is not None:
            raise UsageError(
                f"trial {record.trial_id} is a try of a tuning study, which keeps no weights; "
                "name a reported trial; to list them, type: rnnbench export trials.csv"
            )
        if not any(attempt.result.status is Status.DONE for attempt in attempts):
            raise UsageError(
                f"trial {record.trial_id} is {record.result.status} and has no weights; "
                "run it again with --retry."
            )
        return record.spec, store.weights_of(record.trial_id)
