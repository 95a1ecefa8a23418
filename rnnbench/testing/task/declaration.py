"""Checks of what a task declares: options, spaces, scores, presets."""

from __future__ import annotations

import dataclasses
import math

from rnnbench.contract.options import resolve
from rnnbench.contract.task import Bits, FiniteTask, Metric, Preset, Tokens, Vectors, width_of
from rnnbench.errors import OptionError
from rnnbench.plan.planning import MAX_HIDDEN_SIZE, settings_of
from rnnbench.records.settings import Settings
from rnnbench.testing.outcome import ContractError, require
from rnnbench.testing.task.subject import TaskUnderTest

_PRESETS = ("quick", "standard", "paper")
_PRESET_SETTINGS = (*Settings.model_fields, "hidden_size")
_CONSTANTS = ("inputs", "outputs", "steps", "metric", "baseline", "perfect", "solved", "version")


def it_is_frozen(subject: TaskUnderTest) -> None:
    """Options cannot be changed, and tasks with equal options are equal."""
    names = [field.name for field in dataclasses.fields(subject.task)]  # type: ignore[arg-type]
    for name in names[:1]:
        try:
            setattr(subject.task, name, getattr(subject.task, name))
        except dataclasses.FrozenInstanceError:
            continue
        raise ContractError(
            f"{name} can be changed; decorate the class with @dataclass(frozen=True)."
        )
    require(
        subject.build() == subject.task,
        "two tasks with the same options are not equal; keep options as plain fields.",
    )


def constants_are_not_options(subject: TaskUnderTest) -> None:
    """Spaces, steps, metric, scores and version are no dataclass fields, which users can set."""
    fields = {field.name for field in dataclasses.fields(subject.task)}  # type: ignore[arg-type]
    for name in _CONSTANTS:
        require(
            name not in fields,
            f"{name} is a dataclass field and thereby an option; remove its annotation.",
        )


def spaces_and_steps_are_declared(subject: TaskUnderTest) -> None:
    """``inputs``, ``outputs``, ``steps`` and ``length`` have the declared types and ranges."""
    for name, space in (("inputs", subject.task.inputs), ("outputs", subject.task.outputs)):
        require(
            isinstance(space, Tokens | Vectors | Bits),
            f"{name} is {space!r}; use rnnbench.Tokens(vocab), rnnbench.Vectors(dim) or "
            "rnnbench.Bits(dim).",
        )
        least = 2 if isinstance(space, Tokens) else 1
        require(
            _is_count(width_of(space), least),
            f"{name} is {space!r}; its size must be an integer of at least {least}.",
        )
    require(
        subject.task.steps in ("last", "every"),
        f'steps is {subject.task.steps!r}; use "last" or "every".',
    )
    require(
        _is_count(subject.task.length),
        f"length is {subject.task.length!r}; use the number of time steps, an integer from 1.",
    )


def a_stateful_task_has_consecutive_windows(subject: TaskUnderTest) -> None:
    """A stateful task is finite, has steps ``"every"`` and windows of one length."""
    if not subject.task.stateful:
        return
    require(
        isinstance(subject.task, FiniteTask),
        "stateful is True, but data are generated; derive from rnnbench.FiniteTask.",
    )
    require(
        subject.task.steps == "every",
        f'stateful is True, but steps is {subject.task.steps!r}; use "every".',
    )
    lengths = [name for name, batch in subject.batches.items() if batch.lengths is not None]
    require(
        not lengths,
        f"stateful is True, but {', '.join(lengths)} has lengths; cut it into windows of one "
        "length.",
    )


def the_version_is_a_number(subject: TaskUnderTest) -> None:
    """``version`` is an integer of at least 1."""
    version = subject.task.version
    require(_is_count(version), f"version is {version!r}; use an integer: version = 1.")


def citations_are_given(subject: TaskUnderTest) -> None:
    """There is at least one citation with a key and a title."""
    citations = subject.registered.cited
    require(
        citations,
        "citations is empty; name the source: citations = (rnnbench.Citation(key, title),).",
    )
    require(
        all(r.key.strip() and r.title.strip() for r in citations),
        "a citation lacks its key or its title; give both.",
    )


def the_metric_is_declared(subject: TaskUnderTest) -> None:
    """``metric`` is a :class:`rnnbench.Metric` with a name and a direction."""
    metric = subject.task.metric
    require(isinstance(metric, Metric), f"metric is {metric!r}; use a rnnbench.Metric.")
    require(metric.name.strip(), "the metric has no name; give it one.")
    require(
        metric.direction in ("higher", "lower"),
        f'the metric\'s direction is {metric.direction!r}; use "higher" or "lower".',
    )


def scores_are_in_order(subject: TaskUnderTest) -> None:
    """``perfect`` is better than ``baseline``; ``solved`` lies between them."""
    task = subject.task
    scores = {"baseline": task.baseline, "perfect": task.perfect, "solved": task.solved}
    for name, score in scores.items():
        require(_is_finite(score), f"{name} is {score!r}; use a finite number.")
    listed = ", ".join(f"{name} {score:.6g}" for name, score in scores.items())
    metric = task.metric
    require(
        metric.better(task.perfect, task.baseline),
        f"perfect is not better than baseline, but {metric.direction} is better; "
        f"change one of them: {listed}.",
    )
    require(
        metric.better(task.solved, task.baseline),
        f"the baseline counts as solved; move solved towards perfect: {listed}.",
    )
    require(
        metric.reaches(task.perfect, task.solved),
        f"the perfect score does not count as solved; move solved towards baseline: {listed}.",
    )


def simple_scores_are_numbers(subject: TaskUnderTest) -> None:
    """``simple_scores`` holds finite numbers by name, ``data_checksums`` strings by name."""
    for name, score in subject.task.simple_scores.items():
        require(
            isinstance(name, str) and _is_finite(score),
            f"simple_scores[{name!r}] is {score!r}; use finite numbers.",
        )
    for name, digest in subject.task.data_checksums.items():
        require(
            isinstance(digest, str) and digest,
            f"data_checksums[{name!r}] is {digest!r}; use hexadecimal strings.",
        )


def presets_are_valid(subject: TaskUnderTest) -> None:
    """Presets have known names, valid options of the task and valid training settings."""
    for name, preset in subject.task.presets.items():
        require(name in _PRESETS, f"there is no preset called {name!r}; use {', '.join(_PRESETS)}.")
        require(
            isinstance(preset, Preset),
            f"preset {name!r} is {preset!r}; write rnnbench.Preset(options=..., settings=...).",
        )
        try:
            options = resolve(
                f"preset {name!r}",
                subject.registered.options,
                {**subject.options, **preset.options},
            )
        except OptionError as error:
            raise ContractError(str(error)) from None
        subject.registered.build(options)
        for setting in preset.settings:
            require(
                setting in _PRESET_SETTINGS,
                f"preset {name!r}: there is no setting {setting!r}; "
                f"use {', '.join(_PRESET_SETTINGS)}.",
            )
        width = preset.settings.get("hidden_size", 1)
        require(
            _is_count(width) and width <= MAX_HIDDEN_SIZE,
            f"preset {name!r}: hidden_size={width!r}; use an integer from 1 to {MAX_HIDDEN_SIZE}.",
        )
        try:
            settings_of(preset, {})
        except OptionError as error:
            raise ContractError(f"preset {name!r}: {error}") from None


def published_values_are_valid(subject: TaskUnderTest) -> None:
    """``published`` has valid values of options and settings."""
    known = subject.registered.options
    for each in subject.registered.factory.published:
        place = f"published, {each.model!r} from {each.citation.key}"
        try:
            given = resolve(place, known, dict(each.options))
            settings_of(Preset(settings={**each.settings}), {})
        except OptionError as error:
            raise ContractError(f"{place}: {error}") from None
        for name, value in each.options.items():
            require(
                given[name] == value and type(given[name]) is type(value),
                f"{place}: option {name}={value!r} is read as {given[name]!r}; write it so, "
                "or no trial matches.",
            )


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
