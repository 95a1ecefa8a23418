"""A trial as it is named on the command line, and its text as it may be printed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.errors import UsageError, one_line

if TYPE_CHECKING:
    from rnnbench.records.result import Record


def one_trial(attempts: Sequence[Record], beginning: str, store: Path) -> Sequence[Record]:
    """Return the attempts found for ``beginning``; raises :class:`UsageError` unless they are of
    one trial.
    """
    trials = list(dict.fromkeys(record.trial_id for record in attempts))
    shown = repr(one_line(beginning, 40))
    if not trials:
        raise UsageError(
            f"no trial begins with {shown} in {store}; rnnbench export trials.csv lists their ids."
        )
    if len(trials) > 1:
        raise UsageError(
            f"{shown} fits {len(trials)} trials: {', '.join(trials[:5])}; type more of the id."
        )
    return attempts


def printable(text: str) -> str:
    """Keep lines and tabs, drop whatever else could steer a terminal."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else "�" for character in text
    )
