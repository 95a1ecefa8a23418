"""From what a person asked for to a list of trials, each with its identity. Nothing is built or run
here.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from rnnbench.contract import options as option_tools
from rnnbench.contract.options import Option
from rnnbench.errors import PluginError, UsageError, did_you_mean, one_line
from rnnbench.files import file_checksum
from rnnbench.records.spec import ModelSpec, Settings, TaskSpec, TrialSpec
from rnnbench.records.syntax import Choice, OptionValue, matching, option_text, parse_choices

if TYPE_CHECKING:
    from rnnbench.contract.registry import Model, RegisteredTask, Registry
    from rnnbench.contract.task import Preset

DEFAULT_PRESET = "standard"
DEFAULT_HIDDEN_SIZE = 64
DEFAULT_SEEDS = 3
MAX_SEED = 2**31 - 1
MAX_HIDDEN_SIZE = 1 << 16
MAX_TRIALS = 100_000
"""Beyond it a grid is a slip of the finger, and would fill the memory before anything else could
say so.
"""

_HIDDEN_SIZE = Option(
    "hidden_size", Annotated[int, Field(ge=1, le=MAX_HIDDEN_SIZE)], DEFAULT_HIDDEN_SIZE
)
_SETTINGS = {
    name: Option(name, field.rebuild_annotation(), field.default)
    for name, field in Settings.model_fields.items()
}


@dataclass(frozen=True)
class Request:
    """What a person asked for, by flags, by a suite file or from Python.

    Attributes:
        tasks, models: words such as ``copy-memory[delay=10,20]``, ``lstm``, ``*gru*``, ``all``.
        seeds: how many seeds from 0, or the seeds themselves. preset: a task's own sizes; each
        task's ``standard`` where ``None``, as far as the task has it. hidden_size: for all models
        that do not set it inline. settings: fields of :class:`rnnbench.records.spec.Settings`; they
        win over the preset.
    """

    tasks: Sequence[str]
    models: Sequence[str] = ("all",)
    seeds: int | Sequence[int] = DEFAULT_SEEDS
    preset: str | None = None
    hidden_size: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def make_plan(request: Request, registry: Registry) -> list[TrialSpec]:
    """Return the trials of a request: every task with every model and every seed, each once.

    The order is by seed first, so that every configuration has a first result early.

    Raises:
        UsageError, OptionError: a wrong name, option, value or range.
        DataError: a data file that cannot be read.
    """
    seeds = _seeds(request.seeds)
    tasks = _named("task", request.tasks, registry.tasks)
    models = _named("model", request.models, registry.models)
    _refuse_too_many(
        len(seeds)
        * sum(choice.size for _, choice in tasks)
        * sum(choice.size for _, choice in models)
    )
    cells: list[tuple[TaskSpec, Settings, list[ModelSpec]]] = []
    for name, choice in tasks:
        task = registry.task(name)
        preset = _preset(task, request.preset)
        settings = settings_of(preset, request.settings)
        model_specs = [
            _model_spec(registry.model(m), request, preset, given)
            for m, c in models
            for given in c.grid()
        ]
        cells.extend(
            (_task_spec(task, preset, given), settings, model_specs) for given in choice.grid()
        )
    trials: dict[str, TrialSpec] = {}
    for seed in seeds:
        for task_spec, settings, model_specs in cells:
            for model_spec in model_specs:
                trial = TrialSpec(task=task_spec, model=model_spec, settings=settings, seed=seed)
                trials.setdefault(trial.trial_id, trial)
    return list(trials.values())


def _named(kind: str, words: Sequence[str], known: Iterable[str]) -> list[tuple[str, Choice]]:
    return [
        (name, choice)
        for choice in parse_choices(words)
        for name in matching(kind, choice.pattern, sorted(known))
    ]


def _refuse_too_many(trials: int) -> None:
    if trials > MAX_TRIALS:
        raise UsageError(
            f"that makes {trials:,} trials, and a run has at most {MAX_TRIALS:,}; name fewer seeds or options."
        )


def _seeds(asked: int | Sequence[int]) -> list[int]:
    try:
        if not isinstance(asked, Iterable):
            _refuse_too_many(operator.index(asked))
            asked = range(asked)
        seeds = list(dict.fromkeys(map(operator.index, asked)))
    except TypeError:
        raise UsageError(
            f"seeds={one_line(asked, 60)} is neither a count such as 5 nor a list such as [0, 1, 7]."
        ) from None
    if not seeds:
        raise UsageError(
            "--seeds needs at least one seed: a count such as 5, or seeds such as 0,1,7."
        )
    if min(seeds) < 0 or max(seeds) > MAX_SEED:
        raise UsageError(f"a seed lies outside 0 .. {MAX_SEED}.")
    return seeds


def _preset(task: RegisteredTask, asked: str | None) -> Preset:
    from rnnbench.contract.task import Preset

    presets = task.factory.presets
    if asked is None:
        return presets.get(DEFAULT_PRESET, Preset())
    if asked not in presets:
        has = f"It has: {', '.join(presets)}." if presets else "It has none; leave --preset out."
        raise UsageError(
            f"task {task.name!r} has no preset {one_line(asked, 60)!r}.{did_you_mean(asked, presets)} {has}"
        )
    return presets[asked]


def _task_spec(task: RegisteredTask, preset: Preset, given: Mapping[str, str]) -> TaskSpec:
    resolved = option_tools.resolve(
        f"task {task.name!r}", task.options, {**preset.options, **given}
    )
    return TaskSpec(
        name=task.name,
        version=task.factory.version,
        provider=task.provider,
        options=resolved,
        shown=_shown(resolved, task.options),
        checksums={
            name: file_checksum(Path(str(resolved[name])), f"task {task.name!r}, option {name!r}")
            for name, option in task.options.items()
            if option.is_file and resolved[name] is not None
        },
    )


def _model_spec(
    model: Model, request: Request, preset: Preset, given: Mapping[str, str]
) -> ModelSpec:
    widths = (request.hidden_size, preset.settings.get("hidden_size"))
    width = next((width for width in widths if width is not None), DEFAULT_HIDDEN_SIZE)
    options = {**model.options, _HIDDEN_SIZE.name: _HIDDEN_SIZE}
    resolved = option_tools.resolve(
        f"model {model.name!r}", options, {_HIDDEN_SIZE.name: width, **given}
    )
    hidden_size = resolved.pop(_HIDDEN_SIZE.name)
    assert isinstance(hidden_size, int)
    return ModelSpec(
        name=model.name,
        provider=model.provider,
        hidden_size=hidden_size,
        causal=model.causal,
        options=resolved,
        shown=_shown(resolved, model.options),
    )


def _shown(
    resolved: Mapping[str, OptionValue], options: Mapping[str, Option]
) -> dict[str, OptionValue]:
    return {name: value for name, value in resolved.items() if value != options[name].default}


def settings_of(preset: Preset, given: Mapping[str, Any]) -> Settings:
    """Return the training settings of a preset, overridden by those that the user gives."""
    from_preset = {
        name: value for name, value in preset.settings.items() if name != _HIDDEN_SIZE.name
    }
    if unknown := [name for name in from_preset if name not in _SETTINGS]:
        raise PluginError(
            f"a preset sets {unknown[0]!r}, which is not a setting; its author can mend that."
        )
    asked = {**from_preset, **given}
    for name, value in asked.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            asked[name] = option_text(
                value
            )  # to be read by the setting's type: YAML has a number 32 for the precision "32"
    return Settings.model_validate(option_tools.resolve("training", _SETTINGS, asked))
