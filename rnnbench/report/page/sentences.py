"""The findings on a task as sentences; they claim no more than the intervals support."""

from __future__ import annotations

from collections import Counter

from rnnbench.analysis.formatting import counted, estimate_text, listed, number, power_text, whole
from rnnbench.analysis.gradients import (
    horizon_text,
    initial_half_life,
    initial_options_text,
    memory_horizon,
)
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.stats import FEWEST_FOR_VERDICT
from rnnbench.analysis.verdicts import Verdict
from rnnbench.records.spec import Settings


def findings(task: TaskGroup, verdicts: list[Verdict]) -> list[str]:
    """Return the sentences that open a task's section."""
    if not task.scored or task.learning is None:
        trials = sum(len(configuration.records) for configuration in task.configurations)
        return [
            "The only trial has no score."
            if trials == 1
            else f"None of {trials:,} trials has a score.",
            *_failed(task),
        ]
    return [
        _best(task),
        *_apart(task, verdicts),
        *_solved(task),
        *_above_baseline(task),
        *_reach(task),
        *_cheapest(task),
        *_failed(task),
    ]


def budget(task: TaskGroup) -> list[str]:
    """Return the sentences on the budget, the seeds and the data."""
    settings = list(
        dict.fromkeys(
            _settings_text(configuration.spec.settings) for configuration in task.configurations
        )
    )
    seeds = sorted({record.spec.seed for record in task.records})
    span = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    lines = [f"Budget: {text}." for text in settings[:10]]
    if len(settings) > 1:
        lines.append("Budgets differ: scores compare configurations, not architectures alone.")
    return [
        *lines,
        f"Task {task.label}, version {task.spec.version}; {counted(len(seeds), 'seed')} ({span}).",
        *_data(task),
    ]


def _data(task: TaskGroup) -> list[str]:
    size = task.data_size
    if size is None:
        return []
    trained = (
        "generated for every training step"
        if size.train is None
        else f"{size.train:,} for training"
    )
    lines = [
        f"Sequences: {trained}, {size.validation:,} for validation, {size.test:,} for the test."
    ]
    if task.data_checksums:
        named = listed(
            [f"{name} {checksum}" for name, checksum in sorted(task.data_checksums.items())]
        )
        lines.append(f"Checksums of the data: {named}.")
    return lines


def _best(task: TaskGroup) -> str:
    best = task.scored[0]
    assert task.learning is not None
    words = (
        "has the best mean score"
        if len(task.scored) > 1
        else "is the only configuration with a score"
    )
    return (
        f"{best.label} {words}: {task.learning.score_name} {estimate_text(best.score)} "
        f"over {counted(len(best.scores), 'seed')} ({task.direction} is better; "
        f"baseline {number(task.learning.baseline)}, perfect {number(task.learning.perfect)})."
    )


def _apart(task: TaskGroup, verdicts: list[Verdict]) -> list[str]:
    by_outcome: dict[str, list[tuple[Configuration, Verdict]]] = {}
    for other, verdict in zip(task.scored[1:], verdicts, strict=True):
        by_outcome.setdefault(verdict.outcome, []).append((other, verdict))
    lines = []
    if worse := by_outcome.get("worse"):
        lines.append(f"It is better than {listed([c.label for c, _ in worse])}.")
    if alike := by_outcome.get("no difference"):
        named = [f"{c.label} ({power_text(verdict)})" for c, verdict in alike]
        lines.append(f"No difference was shown between it and {listed(named, most=4)}.")
    if unknown := [
        c.label
        for key in ("too few seeds", "nothing to compare")
        for c, _ in by_outcome.get(key, [])
    ]:
        lines.append(
            f"Too few seeds in common to compare it with {listed(unknown)}: "
            f"run at least {FEWEST_FOR_VERDICT} seeds, preferably ten."
        )
    return lines


def _solved(task: TaskGroup) -> list[str]:
    rated = [(c.label, c.solved) for c in task.scored if c.solved is not None]
    ever = [
        f"{label} ({round(rate.value * rate.n)} of {rate.n})"
        for label, rate in rated
        if rate.value > 0
    ]
    never = [label for label, rate in rated if rate.value == 0]
    if not ever:
        return ["No trial solved the task."]
    return [f"Solved by {listed(ever)}" + (f"; never by {listed(never)}." if never else ".")]


def _above_baseline(task: TaskGroup) -> list[str]:
    short = [
        c.label
        for c in task.scored
        if c.skill is not None and (c.skill.low if c.skill.low is not None else 1) <= 0
    ]
    below = [
        c.label
        for c in task.scored
        if c.skill is not None and c.skill.low is None and c.skill.value <= 0
    ]
    named = [*short, *below]
    return [f"Not shown to be better than the baseline: {listed(named)}."] if named else []


def _reach(task: TaskGroup) -> list[str]:
    return [*_initial_gradient(task), *_memory(task)]


def _initial_gradient(task: TaskGroup) -> list[str]:
    # the profile of a model that looks ahead starts from the middle step
    lives = [
        (life, place, c)
        for place, c in enumerate(task.configurations)
        if c.spec.model.causal and (life := initial_half_life(c)) is not None
    ]
    if len(lives) < 2:
        return []
    (shortest, _, weak), (longest, _, strong) = min(lives), max(lives)
    if longest <= 1.5 * shortest:
        return []
    end = f"every {number(longest)} in" if longest != float("inf") else "and it does not decay in"
    return [
        f"At initialisation the gradient halves every {number(shortest)} time steps in "
        f"{_initialised(weak)}, {end} {_initialised(strong)}; the initial weights set this, not "
        "the architecture alone."
    ]


def _initialised(configuration: Configuration) -> str:
    options = initial_options_text(configuration)
    return f"{configuration.label} ({options})" if options else configuration.label


def _memory(task: TaskGroup) -> list[str]:
    parts = [
        f"{c.label} {horizon_text(horizon)}"
        for c in task.configurations
        if (horizon := memory_horizon(c)) is not None
    ]
    if not parts:
        return []
    return [
        f"Memory horizon after training, in time steps: {listed(parts)} "
        "(the largest lag at which another input changes the output)."
    ]


def _cheapest(task: TaskGroup) -> list[str]:
    timed = [
        (point.seconds.median, c)
        for c in task.configurations
        if (point := c.speed_point("train")) is not None
    ]
    sized = [(c.size.params_total, c) for c in task.configurations if c.size is not None]
    parts = []
    if len(timed) > 1:
        fastest = min(timed, key=lambda pair: pair[0])[1]
        point = fastest.speed_point("train")
        assert point is not None
        ratio = f", {number(point.ratio.median)} times that of {fastest.comparator}"
        parts.append(
            f"{fastest.label} has the fastest training step"
            f"{'' if fastest.spec.model.label == fastest.comparator else ratio}"
            f"{' (scattered timings)' if fastest.noisy else ''}"
        )
    if len({params for params, _ in sized}) > 1:
        params, smallest = min(sized, key=lambda pair: pair[0])
        parts.append(f"{smallest.label} is the smallest with {whole(params)} parameters")
    return [f"{'; '.join(parts)}."] if parts else []


def _failed(task: TaskGroup) -> list[str]:
    statuses = Counter(
        record.result.status.value for c in task.configurations for record in c.failures
    )
    if not statuses:
        return []
    total = sum(statuses.values())
    named = listed([f"{count} {status}" for status, count in statuses.most_common()])
    return [
        f"{counted(total, 'trial')} {'has' if total == 1 else 'have'} no score ({named}); "
        "see the table below."
    ]


def _settings_text(settings: Settings) -> str:
    clip = (
        "no clipping"
        if settings.clip_norm is None
        else f"gradient norm clipped to {settings.clip_norm:g}"
    )
    decay = f", weight decay {settings.weight_decay:g}" if settings.weight_decay else ""
    return (
        f"{counted(settings.steps, 'optimizer step')} of "
        f"{counted(settings.batch_size, 'sequence')}, {settings.optimizer} with learning rate "
        f"{settings.learning_rate:g}{decay}, {clip}, precision {settings.precision}, "
        f"validated every {counted(settings.validation_interval, 'step')}"
    )
