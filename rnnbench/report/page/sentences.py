"""The findings on a task as sentences; they claim no more than the intervals support."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rnnbench.analysis.formatting import (
    counted,
    estimate_text,
    listed,
    number,
    undecided_text,
    whole,
)
from rnnbench.analysis.gradients import (
    horizon_text,
    initial_half_life,
    initial_options_text,
    memory_horizon,
)
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.judged import Field, JudgedTask
from rnnbench.analysis.remarks import seen_in_training
from rnnbench.analysis.statistics.all_pairs import FEWEST_FOR_VERDICT
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.analysis.tuning.recipes import TunedModel, how_chosen, values_text
from rnnbench.analysis.verdicts import Verdict
from rnnbench.records.settings import Settings
from rnnbench.records.syntax import option_text
from rnnbench.report.page.fastest import fastest


def findings(judged: JudgedTask) -> list[str]:
    """Return the sentences that open a task's section."""
    task = judged.task
    if not judged.fields:
        trials = sum(len(configuration.records) for configuration in task.configurations)
        return [
            "The only trial has no score."
            if trials == 1
            else f"None of {trials:,} trials has a score.",
            *_failed(task),
        ]
    lines = _simple_methods(judged)
    for field in judged.fields:
        lines += [_best(task, field), *_apart(field), *_sooner(field)]
    return [
        *lines,
        *_solved(task),
        *_above_baseline(judged),
        *_initial_gradient(_untuned(task)),
        *_memory(task),
        *_cheapest(_untuned(task)),
        *_failed(task),
    ]


def budget(task: TaskGroup, tuned: Sequence[TunedModel] = ()) -> list[str]:
    """Return the sentences on the budget, the recipes, the seeds and the data.

    Args:
        task: the task.
        tuned: the tuning studies on it.
    """
    settings = list(
        dict.fromkeys(
            _settings_text(configuration.spec.settings)
            for configuration in task.configurations
            if configuration.recipe != "tuned"
        )
    )
    seeds = sorted({record.spec.seed for record in task.records})
    span = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    lines = [f"Budget: {text}." for text in settings[:10]]
    if len(settings) > 1:
        lines.append("Budgets differ: scores compare configurations, not architectures alone.")
    elif not tuned:
        lines.append(
            "One recipe served every model and none was tuned: at another learning rate or "
            "initialisation the order may be another."
        )
    if tuned:
        chosen = [f"{each.label} ({values_text(each.values)})" for each in tuned if each.values]
        lines.append(f"{how_chosen(tuned)}.")
        if chosen:
            lines.append(f"Chosen: {listed(chosen, most=12)}.")
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
    if seen := seen_in_training(task):
        lines.append(seen)
    if task.data_checksums:
        named = listed(
            [f"{name} {checksum}" for name, checksum in sorted(task.data_checksums.items())]
        )
        lines.append(f"Checksums of the data: {named}.")
    return lines


def _simple_methods(judged: JudgedTask) -> list[str]:
    """Name the best simple method where it has a better score than every model."""
    task = judged.task
    assert task.learning is not None
    bests = [field.best for field in judged.fields if field.best.score is not None]
    best = max(bests, key=lambda c: task.sign * (c.score.value if c.score else math.nan))
    # A score as good as perfection is a bound, such as the noise floor, and no method.
    span = abs(task.learning.perfect - task.learning.baseline)
    simple = {
        name: score
        for name, score in task.learning.simple_scores.items()
        if math.isfinite(score) and task.sign * (task.learning.perfect - score) > 1e-3 * span
    }
    name = max(simple, key=lambda each: task.sign * simple[each], default=None)
    if name is None or best.score is None or task.sign * (simple[name] - best.score.value) <= 0:
        return []
    return [
        f"A simple method, {name}, has a better score than every model: {task.score_name} "
        f"{number(simple[name])}, against {number(best.score.value)} for {best.label}."
    ]


def _best(task: TaskGroup, field: Field) -> str:
    best = field.best
    assert task.learning is not None
    among = " of the models that look ahead" if field.ahead else ""
    facts = (
        f"({task.direction} is better; baseline {number(task.learning.baseline)}, "
        f"perfect {number(task.learning.perfect)})"
    )
    score = (
        f"{task.learning.score_name} {estimate_text(best.score)} "
        f"over {counted(len(best.scores), 'seed')}"
    )
    if len(field.configurations) == 1:
        only = f"{best.label} is the only configuration{among} with a score"
        return f"{_recipe(field)}{only}: {score} {facts}."
    if field.all_solve:
        names = listed(
            [f"{c.label} ({number(c.score.value)})" for c in field.configurations if c.score]
        )
        count = len(field.configurations)
        every = "both" if count == 2 else f"all {count:,}"
        return (
            f"{_recipe(field)}{every} configurations{among} solve the task in every trial, by mean "
            f"{task.learning.score_name}: {names} {facts}."
        )
    return f"{_recipe(field)}{best.label} has the best mean score{among}: {score} {facts}."


def _recipe(field: Field) -> str:
    """Return the condition under which every finding holds, which opens the first sentence."""
    if field.tuned:
        return "With tuned recipes, "
    recipes = {c.spec.settings for c in field.configurations}
    return "At one untuned recipe, " if len(recipes) == 1 else "At untuned recipes, "


def _apart(field: Field) -> list[str]:
    if field.all_solve:
        return []
    by_outcome: dict[str, list[tuple[Configuration, Verdict]]] = {}
    for other, verdict in field.against_best():
        by_outcome.setdefault(verdict.outcome, []).append((other, verdict))

    def named(outcome: str) -> list[str]:
        return [c.label for c, _ in by_outcome.get(outcome, [])]

    rates = field.family.analysis == "solve rates"
    lines = []
    if rates and len(field.configurations) > 1:
        lines.append("Scores are all or none, so solve rates are compared instead of means.")
    if worse := by_outcome.get("worse"):
        lines.append(
            f"It solves the task more often than "
            f"{listed([f'{c.label} ({v.rates[1]})' for c, v in worse])}."
            if rates
            else f"It is better than {listed([c.label for c, _ in worse])}."
        )
    if better := named("better"):
        lines.append(f"It solves the task less often than {listed(better)}.")
    if equal := named("equivalent"):
        margin = number(field.family.margin, 2)
        lines.append(
            f"Equivalent to it, with a difference below {margin} (the smallest effect of "
            f"interest): {listed(equal)}."
        )
    if both := named("both solve it"):
        lines.append(f"{listed([field.best.label, *both])} solve the task in every trial.")
    if neither := named("neither solves it"):
        lines.append(f"Neither it nor {listed(neither)} solved the task in any trial.")
    if undecided := by_outcome.get("undecided"):
        texts = [f"{c.label} ({undecided_text(verdict)})" for c, verdict in undecided]
        lines.append(f"Undecided between it and {listed(texts, most=4)}.")
    if unknown := named("too few seeds"):
        lines.append(
            f"Too few seeds to compare it with {listed(unknown)}: "
            f"run at least {FEWEST_FOR_VERDICT} seeds, preferably ten."
        )
    return lines


def _sooner(field: Field) -> list[str]:
    """Compare the times to solve with the configuration that solved the task first."""
    timed = [(c.steps_to_solve, c) for c in field.configurations if c.steps_to_solve is not None]
    if not timed or len(field.configurations) < 2:
        return []
    steps, first = min(timed, key=lambda each: each[0])
    later = []
    for other in field.configurations:
        p_value = None if other is first else field.sooner(first, other)
        if p_value is not None and p_value <= 1 - LEVEL:
            later.append(other.label)
    if not later:
        return []
    return [
        f"{first.label} solves the task sooner (half of its trials within {whole(steps)} steps) "
        f"than {listed(later)} (log-rank test over all pairs, p at most {1 - LEVEL:.2g})."
    ]


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


def _above_baseline(judged: JudgedTask) -> list[str]:
    short = [c.label for c in judged.task.scored if c.label not in judged.above_baseline]
    return [f"Not shown to be better than the baseline: {listed(short)}."] if short else []


def _untuned(task: TaskGroup) -> TaskGroup:
    """Return the task without tuned recipes, whose networks are those of the default ones.

    Where options of a model were tuned, sentences about networks are of the default options.
    """
    return replace(
        task, configurations=tuple(c for c in task.configurations if c.recipe != "tuned")
    )


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
    measured = [(c, h) for c in task.configurations if (h := memory_horizon(c)) is not None]
    found = [f"{c.label} {horizon_text(h)}" for c, h in measured if h.steps is not None]
    none = [c.label for c, h in measured if h.steps is None]
    lines = []
    if found:
        lines.append(
            f"Memory horizon after training, in time steps: {listed(found)} "
            "(the largest lag at which replacing one input changes the output)."
        )
    if none:
        lines.append(
            f"No lag has a mean influence above the floor in {listed(none)}: single inputs of the "
            "measured sequences are irrelevant, redundant, or relevant in few of them."
        )
    return lines


def _cheapest(task: TaskGroup) -> list[str]:
    sized = [(c.size.params_total, c) for c in task.configurations if c.size is not None]
    lines = fastest(task)
    if len({params for params, _ in sized}) > 1:
        params, smallest = min(sized, key=lambda pair: pair[0])
        lines.append(f"{smallest.label} is the smallest with {whole(params)} parameters.")
    return lines


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
    clip = "no clipping"
    if settings.clip_norm is not None:
        clip = f"gradient norm clipped to {settings.clip_norm:g}"
    elif settings.clip_value is not None:
        clip = f"gradient values clipped to {settings.clip_value:g}"
    decay = f", weight decay {settings.weight_decay:g}" if settings.weight_decay else ""
    return (
        f"{counted(settings.steps, 'optimizer step')} of "
        f"{counted(settings.batch_size, 'sequence')}, {settings.optimizer} with learning rate "
        f"{settings.learning_rate:g}{decay}, {clip}, precision {settings.precision}, "
        f"validated every {counted(settings.validation_interval, 'step')}"
        + "".join(f", {name.replace('_', ' ')} {value}" for name, value in _further(settings))
    )


_NAMED = frozenset(
    (
        *("steps", "batch_size", "optimizer", "learning_rate", "weight_decay"),
        *("clip_norm", "clip_value", "precision", "validate_every"),
    )
)
"""Settings that the sentence on the budget always holds."""


def _further(settings: Settings) -> list[tuple[str, str]]:
    """Return the other settings that differ from their defaults, as text."""
    return [
        (name, option_text(getattr(settings, name)))
        for name, field in Settings.model_fields.items()
        if name not in _NAMED and getattr(settings, name) != field.default
    ]
