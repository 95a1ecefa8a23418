"""Remarks on how far the scores of a task can be trusted, for reports and the terminal."""

from __future__ import annotations

from rnnbench.analysis.equality import TITLES, match_text
from rnnbench.analysis.formatting import listed, whole
from rnnbench.analysis.groups import Configuration, TaskGroup

STILL_IMPROVING = "↗"
LOOKS_AHEAD = "†"
UNMATCHED = "≠"
"""Of a model whose quantity is more than 5 % off the target of ``--match``."""
_SEEN_LIMIT = 0.01
"""Share of test sequences seen in training up to which nothing is remarked."""


def marked(configuration: Configuration) -> str:
    """Return the label, marked when the model looks ahead and when it misses its target."""
    model = configuration.spec.model
    marks = [
        *([] if model.causal else [LOOKS_AHEAD]),
        *([UNMATCHED] if model.matched is not None and model.matched.is_off else []),
    ]
    return " ".join([configuration.label, *marks])


def score_mark(configuration: Configuration) -> str:
    """Return the mark to append to a score: that of a curve which still rises, or nothing."""
    return f" {STILL_IMPROVING}" if configuration.still_improving else ""


def matched_sizes(task: TaskGroup) -> str | None:
    """Return the hidden sizes that ``--match`` chose; ``None`` where it chose none."""
    found: dict[str, list[str]] = {}
    for configuration in task.configurations:
        model = configuration.spec.model
        if model.matched is not None:
            sizes = found.setdefault(match_text(model.matched), [])
            sizes.append(f"{configuration.label} {model.hidden_size:,}")
    if not found:
        return None
    named = "; ".join(f"{asked}: {listed(sizes, most=20)}" for asked, sizes in found.items())
    return f"Hidden sizes chosen by {named}."


def off_target(task: TaskGroup) -> str | None:
    """Return what :data:`UNMATCHED` means, or ``None`` where no model has it."""
    named = [
        f"{configuration.label} {whole(matched.achieved)} {TITLES[matched.quantity]} in place of "
        f"{whole(matched.target)}"
        for configuration in task.configurations
        if (matched := configuration.spec.model.matched) is not None and matched.is_off
    ]
    if not named:
        return None
    return f"{UNMATCHED} no hidden size comes within 5 % of the target: {listed(named)}."


def still_improving(task: TaskGroup) -> str | None:
    """Return what :data:`STILL_IMPROVING` means, or ``None`` where no score has it."""
    if not any(configuration.still_improving for configuration in task.configurations):
        return None
    return (
        f"{STILL_IMPROVING} still improving at the end of training in at least half of the trials: "
        "the score depends on the number of steps."
    )


def mixed_processors(task: TaskGroup) -> str | None:
    """Return a warning where the trials were trained on more than one processor or GPU."""
    if len(task.trained_on) < 2:
        return None
    found = [f"{listed(list(labels))} on {device}" for device, labels in task.trained_on.items()]
    return (
        f"Scores come from different processors ({'; '.join(found)}): with the same seed they may "
        "differ as much as with another seed."
    )


def seen_in_training(task: TaskGroup) -> str | None:
    """Return how many test sequences were in training too, where more than 1 % were."""
    if task.seen_in_training <= _SEEN_LIMIT:
        return None
    return (
        f"{100 * task.seen_in_training:.0f} % of the test sequences were in training too, "
        "so that a model may have memorised them."
    )
