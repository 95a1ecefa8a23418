"""Checks of what a task declares about itself."""

from __future__ import annotations

import dataclasses
import math

from pydantic import ValidationError

from rnnbench.contract.options import resolve
from rnnbench.contract.task import FiniteTask, Metric, Preset, Tokens, Vectors
from rnnbench.errors import OptionError, one_line
from rnnbench.records.spec import Settings
from rnnbench.testing.outcome import ContractError, require
from rnnbench.testing.task.subject import TaskUnderTest

_PRESETS = ("quick", "standard", "paper")
_BESIDE_SETTINGS = ("hidden_size", "seeds")


def it_is_frozen(subject: TaskUnderTest) -> None:
    """Options cannot be changed after the task was built, and equal options make equal tasks."""
    names = [field.name for field in dataclasses.fields(subject.task)]  # type: ignore[arg-type]
    for name in names[:1]:
        try:
            setattr(subject.task, name, getattr(subject.task, name))
        except dataclasses.FrozenInstanceError:
            continue
        raise ContractError(
            f"{name} could be set after the task was built; decorate it with @dataclass(frozen=True)."
        )
    require(
        subject.build() == subject.task,
        "two tasks with the same options are not equal; keep options as plain fields.",
    )


def spaces_and_steps_are_declared(subject: TaskUnderTest) -> None:
    """``inputs``, ``outputs``, ``steps`` and ``length`` are of the declared types, and positive."""
    for name, space in (("inputs", subject.task.inputs), ("outputs", subject.task.outputs)):
        size = (
            space.vocab
            if isinstance(space, Tokens)
            else space.dim
            if isinstance(space, Vectors)
            else None
        )
        require(
            size is not None,
            f"{name} is {space!r}; return rnnbench.Tokens(vocab) or rnnbench.Vectors(dim).",
        )
        least = 2 if isinstance(space, Tokens) else 1
        require(
            _is_count(size, least),
            f"{name} is {space!r}; its size must be an integer of at least {least}.",
        )
    require(
        subject.task.steps in ("last", "every"),
        f'steps is {subject.task.steps!r}; return "last" or "every".',
    )
    require(
        _is_count(subject.task.length),
        f"length is {subject.task.length!r}; return the number of time steps.",
    )


def a_stateful_task_is_a_stream(subject: TaskUnderTest) -> None:
    """A stateful task is finite, predicts at every step, and has windows of one length, so that
    they can follow each other.
    """
    if not subject.task.stateful:
        return
    require(
        isinstance(subject.task, FiniteTask),
        "stateful is True, but batches are drawn; only a finite task is a stream.",
    )
    require(
        subject.task.steps == "every",
        f'stateful is True, but steps is {subject.task.steps!r}; return "every".',
    )
    lengths = [name for name, batch in subject.batches.items() if batch.lengths is not None]
    require(
        not lengths,
        f"stateful is True, but {', '.join(lengths)} has lengths; cut the stream into whole windows.",
    )


def the_version_is_a_number(subject: TaskUnderTest) -> None:
    """``version`` is an integer from 1 up."""
    version = subject.task.version
    require(_is_count(version), f"version is {version!r}; write version: ClassVar[int] = 1.")


def citations_are_given(subject: TaskUnderTest) -> None:
    """There is at least one citation with a key and a title."""
    citations = subject.registered.cited
    require(
        citations,
        "citations is empty; say who posed the task: citations = (rnnbench.Citation(key, title),).",
    )
    require(
        all(r.key.strip() and r.title.strip() for r in citations),
        "a citation lacks its key or its title.",
    )


def the_metric_is_declared(subject: TaskUnderTest) -> None:
    """``metric`` is a named :class:`rnnbench.Metric` with a direction, and always the same one."""
    metric = subject.task.metric
    require(isinstance(metric, Metric), f"metric is {metric!r}; return a rnnbench.Metric.")
    require(metric.name.strip(), "the metric has no name.")
    require(
        metric.direction in ("higher", "lower"),
        f'the metric\'s direction is {metric.direction!r}; "higher" or "lower".',
    )


def scores_are_in_order(subject: TaskUnderTest) -> None:
    """``baseline`` and ``perfect`` are finite and differ in the metric's direction; ``solved`` lies
    between them.
    """
    task = subject.task
    scores = {"baseline": task.baseline, "perfect": task.perfect, "solved": task.solved}
    for name, score in scores.items():
        require(_is_finite(score), f"{name} is {score!r}; return a finite number.")
    told = ", ".join(f"{name} {score:.6g}" for name, score in scores.items())
    metric = task.metric
    require(
        metric.better(task.perfect, task.baseline),
        f"{metric.direction} is better, but perfect is no better: {told}.",
    )
    require(
        metric.better(task.solved, task.baseline), f"the baseline would count as solved: {told}."
    )
    require(
        metric.reaches(task.perfect, task.solved),
        f"not even perfect would count as solved: {told}.",
    )


def further_scores_are_numbers(subject: TaskUnderTest) -> None:
    """``simple_scores`` are finite numbers by name; ``data_checksums`` are texts by name."""
    for name, score in subject.task.simple_scores.items():
        require(
            isinstance(name, str) and _is_finite(score),
            f"simple_scores[{name!r}] is {score!r}; give finite numbers.",
        )
    for name, digest in subject.task.data_checksums.items():
        require(
            isinstance(digest, str) and digest,
            f"data_checksums[{name!r}] is {digest!r}; give hexadecimal texts.",
        )


def presets_are_valid(subject: TaskUnderTest) -> None:
    """Presets have known names, options that the task takes, and settings that the harness knows."""
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
        beside = {key: value for key, value in preset.settings.items() if key in _BESIDE_SETTINGS}
        for key, value in beside.items():
            require(
                _is_count(value),
                f"preset {name!r}: {key}={value!r} must be an integer of at least 1.",
            )
        try:
            Settings.model_validate(
                {key: value for key, value in preset.settings.items() if key not in beside}
            )
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            known = ", ".join((*Settings.model_fields, *_BESIDE_SETTINGS))
            raise ContractError(
                f"preset {name!r}: setting {where}: {one_line(problem['msg'])}. Known: {known}."
            ) from None


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
