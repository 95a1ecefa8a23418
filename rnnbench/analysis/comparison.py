"""Comparisons of two models of one store, or of two stores, with a verdict on each task."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rnnbench.analysis.groups import Configuration, TaskGroup, group
from rnnbench.analysis.statistics.intervals import Estimate
from rnnbench.analysis.statistics.superiority import probability_of_beating
from rnnbench.analysis.verdicts import (
    SMALLEST_EFFECT,
    Family,
    Trials,
    Verdict,
    judge_jointly,
    margin_of,
)
from rnnbench.errors import UsageError, did_you_mean
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec
from rnnbench.records.syntax import OptionValue, canonical, option_text, with_options


@dataclass(frozen=True, eq=False)
class Pairing:
    """Two configurations on one task.

    Attributes:
        name: the task and, for two stores, the model.
        score_name: the task's score.
        a, b: the two sides.
        verdict: of ``b`` against ``a``.
        beats: probability that a trial of ``b`` beats one of ``a``.
        differing: (name, value of ``a``, value of ``b``) of each setting in which they differ;
            empty when the budgets are equal. Hidden sizes that ``--match`` chose for the same
            target do not differ in this sense, unless one misses it by more than 5 %.
    """

    name: str
    score_name: str
    a: Configuration
    b: Configuration
    verdict: Verdict
    beats: Estimate | None
    differing: tuple[tuple[str, OptionValue, OptionValue], ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The pairings of ``a`` and ``b``; ``notes`` list what could not be compared."""

    a: str
    b: str
    pairings: tuple[Pairing, ...]
    notes: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[Pairing, ...]:
        """The pairings in which ``b`` was shown to be worse, by the verdict that is printed."""
        return tuple(pairing for pairing in self.pairings if pairing.verdict.outcome == "worse")


class _Found(NamedTuple):
    """Two configurations to compare on a task."""

    name: str
    task: TaskGroup
    a: Configuration
    b: Configuration


def compare(
    records_a: Sequence[Record],
    records_b: Sequence[Record] | None,
    a: str,
    b: str,
    smallest_effect: float = SMALLEST_EFFECT,
) -> Comparison:
    """Compare two models of one store, or two stores.

    Args:
        records_a: the store's records.
        records_b: the other store's, or ``None`` to compare two models within ``records_a``.
        a: the first model as typed (``lstm``, ``gru[num_layers=2]``, ``lstm[hidden_size=64]``), or
            the first store's name.
        b: the second; differences are ``b - a``.
        smallest_effect: the smallest effect of interest, as a share of the range from a task's
            baseline to perfection.

    Raises:
        UsageError: no records, a model that is not in the store (a near name is suggested), or no
            task in common.
    """
    for name, records in ((a, records_a), (b, records_b)):
        if records is not None and not records:
            raise UsageError(
                f"no records in {name!r}; type: rnnbench run -t copy-memory --preset quick"
            )
    if records_b is None:
        found, notes = _models(group(records_a), a, b)
    else:
        found, notes = _stores(group(records_a), group(records_b), a, b)
    return Comparison(
        a, b, tuple(_judged(found, smallest_effect, records_b is not None)), tuple(notes)
    )


def _models(groups: list[TaskGroup], a: str, b: str) -> tuple[list[_Found], list[str]]:
    known = {label: None for each in groups for c in each.configurations for label in _labels(c)}
    for label in (a, b):
        if canonical(label) not in known:
            stored = sorted({c.spec.model.label for each in groups for c in each.configurations})
            raise UsageError(
                f"no records of model {label!r}.{did_you_mean(label, known)} "
                f"The store has: {', '.join(stored)}"
            )
    pairings: list[_Found] = []
    notes: list[str] = []
    questions: list[str] = []
    for each in groups:
        ours = [c for c in each.configurations if canonical(a) in _labels(c)]
        theirs = [c for c in each.configurations if canonical(b) in _labels(c)]
        if not (ours and theirs):
            if ours or theirs:
                notes.append(f"{each.label}: only {a if ours else b} was run")
            continue
        matched = _matched(ours, theirs, _budget)
        if not matched and len(ours) == len(theirs) == 1:
            matched = [(ours[0], theirs[0])]
        left_out = _left_out(ours, theirs, matched)
        if not matched:
            example = f"{ours[0].label!r} and {theirs[0].label!r}"
            questions.append(
                f"{each.label}: several configurations and no two of equal budget ({left_out}); "
                f"name one of each model, e.g. {example}"
            )
            continue
        if left_out:
            notes.append(f"{each.label}: not compared, without a counterpart: {left_out}")
        names = _headings(each.label, [first.spec for first, _ in matched])
        pairings += [
            _Found(name, each, first, second)
            for name, (first, second) in zip(names, matched, strict=True)
        ]
    if not pairings and questions:
        raise UsageError(f"which {a!r}, and which {b!r}? {'; '.join(questions)}.")
    if not pairings:
        raise UsageError(
            f"{a!r} and {b!r} have no task in common; type: rnnbench run -m {a},{b} -t copy-memory"
        )
    return pairings, [*notes, *questions]


def _left_out(
    ours: Sequence[Configuration],
    theirs: Sequence[Configuration],
    matched: Sequence[tuple[Configuration, Configuration]],
) -> str:
    """Return the labels of the configurations that no pair has; empty for none."""
    taken = {id(configuration) for pair in matched for configuration in pair}
    return ", ".join(dict.fromkeys(c.label for c in (*ours, *theirs) if id(c) not in taken))


def _headings(task: str, specs: Sequence[TrialSpec]) -> list[str]:
    """Return a heading for each pair on a task: the task, and the settings in which pairs differ.

    Each pair has another budget, so that no two headings are the same.
    """
    settings = [_settings(spec) for spec in specs]
    differing = [name for name in settings[0] if len({str(each[name]) for each in settings}) > 1]
    if not differing:
        return [task for _ in specs]
    return [
        f"{task} ({', '.join(f'{n}={option_text(each[n])}' for n in differing)})"
        for each in settings
    ]


def _stores(
    groups_a: list[TaskGroup], groups_b: list[TaskGroup], a: str, b: str
) -> tuple[list[_Found], list[str]]:
    pairings: list[_Found] = []
    notes: list[str] = []
    others = {_task_key(each): each for each in groups_b}
    for each in groups_a:
        other = others.pop(_task_key(each), None)
        if other is None:
            notes.append(f"{each.label} is only in {a}")
            continue
        matched = _matched(each.configurations, other.configurations, _model_key)
        pairings += [
            _Found(f"{each.label}, {first.label}", each, first, second) for first, second in matched
        ]
        for name, side, index in ((a, each, 0), (b, other, 1)):
            taken = {id(pair[index]) for pair in matched}
            notes += [
                f"{side.label}, {c.label} is only in {name}"
                for c in side.configurations
                if id(c) not in taken
            ]
    notes += [f"{each.label} is only in {b}" for each in others.values()]
    if not pairings:
        raise UsageError(
            f"{a!r} and {b!r} have no task, model and settings in common; "
            "run the same suite into both stores"
        )
    return pairings, notes


def _judged(found: Sequence[_Found], smallest_effect: float, stores: bool) -> list[Pairing]:
    """Judge all pairings with one error rate for the whole comparison.

    Two models that both solve a task are tied. A model that scores worse than in an earlier store
    is a regression, whether it still solves the task or not.

    Equal scores, as of two stores that one program wrote, say nothing by chance. They are no
    comparison that the error rate is shared with.
    """
    open_questions = sum(each.a.scores != each.b.scores for each in found)
    families = [
        Family(
            {"a": Trials.of(each.a), "b": Trials.of(each.b)},
            each.task.sign,
            margin_of(each.task, smallest_effect),
            max(1, open_questions),
            one_model=stores,
        )
        for each in found
    ]
    return [
        Pairing(
            each.name,
            each.task.score_name,
            each.a,
            each.b,
            verdict,
            probability_of_beating(each.b, each.a, each.task.sign),
            _differing(each.a.spec, each.b.spec),
        )
        for each, verdict in zip(found, judge_jointly(families), strict=True)
    ]


def _matched(
    ours: Sequence[Configuration],
    theirs: Sequence[Configuration],
    key: Callable[[Configuration], str],
) -> list[tuple[Configuration, Configuration]]:
    """Pair the configurations of equal key, where exactly one on each side has it."""
    by_key: dict[str, list[Configuration]] = defaultdict(list)
    for configuration in theirs:
        by_key[key(configuration)].append(configuration)
    counts: dict[str, int] = defaultdict(int)
    for configuration in ours:
        counts[key(configuration)] += 1
    return [
        (c, by_key[key(c)][0]) for c in ours if counts[key(c)] == 1 and len(by_key[key(c)]) == 1
    ]


def _budget(configuration: Configuration) -> str:
    """Identify the settings and the size: the target of ``--match`` or else the hidden size."""
    spec = configuration.spec
    size = _target(spec) or (spec.model.hidden_size,)
    return json.dumps([spec.settings.model_dump(), size], sort_keys=True)


def _target(spec: TrialSpec) -> tuple[str, float] | None:
    """Return the quantity and the target that the hidden size was chosen for."""
    matched = spec.model.matched
    return None if matched is None else (matched.quantity, matched.target)


def _model_key(configuration: Configuration) -> str:
    spec, model = configuration.spec, configuration.spec.model
    return json.dumps(
        [model.name, model.provider.distribution, model.options, _settings(spec)],
        sort_keys=True,
    )


def _task_key(task: TaskGroup) -> str:
    """Identify a task by what it is, not by which version of its distribution provided it."""
    identity = task.spec.identity()
    identity["provider"] = task.spec.provider.distribution
    identity["checksums"] = task.data_checksums
    return json.dumps(identity, sort_keys=True)


def _differing(a: TrialSpec, b: TrialSpec) -> tuple[tuple[str, OptionValue, OptionValue], ...]:
    ours, theirs = _settings(a), _settings(b)
    if _are_matched(a, b):
        del ours["hidden_size"]
    return tuple(
        (name, value, theirs[name]) for name, value in ours.items() if value != theirs[name]
    )


def _are_matched(a: TrialSpec, b: TrialSpec) -> bool:
    """Return whether the hidden sizes were chosen for the same target, and came near it."""
    if _target(a) is None or _target(a) != _target(b):
        return False
    return not any(m is None or m.is_off for m in (a.model.matched, b.model.matched))


def _settings(spec: TrialSpec) -> dict[str, OptionValue]:
    return {"hidden_size": spec.model.hidden_size, **spec.settings.model_dump()}


def _labels(configuration: Configuration) -> set[str]:
    """Return the labels by which the model of this configuration may be named."""
    model = configuration.spec.model
    with_size = with_options(model.name, {**model.shown, "hidden_size": model.hidden_size})
    return {canonical(model.label), canonical(with_size), canonical(configuration.label)}
