"""Further trials whose seeds vary one source of randomness alone, for ``--vary``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, get_args

from rnnbench.errors import UsageError, did_you_mean
from rnnbench.records.recipe import block_of
from rnnbench.records.spec import TrialSpec, VariedSource

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry

SOURCES: tuple[VariedSource, ...] = get_args(VariedSource)
_DROPPING = ("dropout", "zoneout")
"""Parts of the names of options that draw random masks in training."""


def parse_sources(words: Iterable[str]) -> list[VariedSource]:
    """Return the sources that words such as ``init,data`` name, each once.

    Raises:
        UsageError: a word that names no source.
    """
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    for name in names:
        if name not in SOURCES:
            raise UsageError(
                f"--vary {name}: there is no such source of randomness."
                f"{did_you_mean(name, SOURCES)} There are: {', '.join(SOURCES)}; "
                "several are joined by commas: --vary init,data"
            )
    return [source for source in SOURCES if source in names]


def varied_trials(
    trials: Sequence[TrialSpec], words: Iterable[str], registry: Registry
) -> list[TrialSpec]:
    """Return each trial again for each source that ``words`` name and that its task has.

    Raises:
        UsageError: an unknown source, or none that would vary anything in any trial.
    """
    sources = parse_sources(words)
    found = [
        trial.model_copy(update={"varied": source})
        for source in sources
        for trial in trials
        if varies(trial, source, registry)
    ]
    if sources and trials and not found:
        raise UsageError(_nothing(sources))
    return found


def varies(trial: TrialSpec, source: VariedSource, registry: Registry) -> bool:
    """Return whether a source of randomness has an effect on a trial.

    The sequences of a finite task are fixed. A generated task draws new ones for every step, which
    have no order besides; the seed of the order then decides the masks of dropout alone.
    """
    from rnnbench.contract.options import unwrapped
    from rnnbench.contract.task import FiniteTask

    kind = unwrapped(registry.task(trial.task.name).factory)
    finite = isinstance(kind, type) and issubclass(kind, FiniteTask)
    match source:
        case "init":
            return True
        case "data":
            return not finite
        case "order":
            return finite or _drops(trial)


def _drops(trial: TrialSpec) -> bool:
    options = {
        **trial.settings.model_dump(),
        **block_of(trial.settings.block).model_dump(),
        **trial.model.options,
    }
    return any(
        bool(value) and any(part in name for part in _DROPPING) for name, value in options.items()
    )


def _nothing(sources: Sequence[VariedSource]) -> str:
    reasons = {
        "data": "the sequences of a finite task are fixed",
        "order": "a generated task without dropout draws new sequences for every step, in no order "
        "besides",
    }
    why = "; ".join(reasons[source] for source in sources if source in reasons)
    others = [source for source in SOURCES if source not in sources]
    return f"--vary {','.join(sources)} varies nothing here: {why}. Type: --vary {others[0]}"
