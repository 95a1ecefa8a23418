"""Turn a request into a list of trials, each with its identity; nothing is built or run here."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from rnnbench.contract.options import Option, resolve
from rnnbench.errors import PluginError, UsageError, did_you_mean
from rnnbench.plan.matching import Match, parse_match
from rnnbench.plan.varying import parse_sources, varied_trials
from rnnbench.records.settings import Settings
from rnnbench.records.spec import ModelSpec, TaskSpec, TrialSpec
from rnnbench.records.suite import DEFAULT_MODELS
from rnnbench.records.syntax import OTHER, OptionValue, Selector, expand, parse_selectors

if TYPE_CHECKING:
    from rnnbench.contract.registry import RegisteredModel, RegisteredTask, Registry
    from rnnbench.contract.task import Preset

DEFAULT_PRESET = "standard"
DEFAULT_HIDDEN_SIZE = 64
DEFAULT_SEEDS = 10
"""Fewer seeds leave differences between models undecided that matter."""
DEFAULT_SEEDS_OF_PRESETS = {"quick": 5}
MAX_SEED = 2**31 - 1
TUNING_SEED = MAX_SEED
"""The seed of all tries in tuning studies, which no reported trial has."""
MAX_HIDDEN_SIZE = 1 << 16
MAX_TRIALS = 100_000
"""Upper bound on the number of trials; larger grids are rejected before they fill the memory."""

_HIDDEN_SIZE = "hidden_size"
_HIDDEN_SIZE_OPTION = Option(
    _HIDDEN_SIZE, Annotated[int, Field(ge=1, le=MAX_HIDDEN_SIZE)], DEFAULT_HIDDEN_SIZE
)
SETTING_OPTIONS = {
    name: Option(name, field.rebuild_annotation(), field.default)
    for name, field in Settings.model_fields.items()
}


@dataclass(frozen=True)
class Request:
    """A request for trials, by flags, by a suite file or from Python."""

    tasks: Sequence[str]
    """Names, globs or ``all``, with options: ``copy-memory[delay=10,20]``."""
    models: Sequence[str] = DEFAULT_MODELS
    """Likewise: ``lstm``, ``*gru*``; ``family:gated`` is every model of a family."""
    seeds: int | Sequence[int] | None = None
    """The number of seeds from 0, or the seeds themselves; ``None``: 5 for ``quick``, else 10."""
    preset: str | None = None
    """A preset of the tasks; ``None``: each task's ``standard``, where it has one."""
    hidden_size: int | None = None
    """The hidden size of all models that do not set it inline."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`rnnbench.records.settings.Settings`; they override the preset."""
    match: str | None = None
    """A quantity that the hidden sizes make equal, ``params=50k``; ``None``: the hidden size."""
    vary: Sequence[str] = ()
    """Sources of randomness that further trials vary alone: ``init``, ``data``, ``order``."""
    tune: Sequence[str] = ()
    """Search space: ``learning_rate=1e-4..1e-2``, ``optimizer=adam|sgd``."""
    tune_trials: int | None = None
    """Tries of each model on each task."""
    tune_sampler: str | None = None
    """``random``, ``tpe`` or ``grid``."""
    tune_pruner: str | None = None
    """``none``, ``median`` or ``halving``."""
    tune_report: str | None = None
    """``both``: the default recipe is trained with the seeds as well; or ``tuned``."""
    speed: bool | None = None
    """Whether the speed of its configurations is measured; ``None``: it is."""


def make_plan(request: Request, registry: Registry) -> list[TrialSpec]:
    """Return the trials of a request: every task with every model and every seed, each once.

    The order is by seed first, so that every configuration has a first result early. With
    ``match`` all models still have the same hidden size: ``execution/matching.py`` replaces it.

    Raises:
        UsageError: a wrong name, option, value or range.
        DataError: a data file that cannot be read.
    """
    seeds = _seeds(default_seeds(request.preset) if request.seeds is None else request.seeds)
    tasks = _selected("task", request.tasks, registry.tasks)
    models = _selected("model", request.models, registry.models, families_of(registry))
    _check_match(request, [selector for _, selector in models], registry)
    _check_size(
        len(seeds)
        * sum(selector.size for _, selector in tasks)
        * sum(selector.size for _, selector in models)
        * (1 + len(parse_sources(request.vary)))
    )
    configurations: list[tuple[TaskSpec, Settings, list[ModelSpec]]] = []
    for name, selector in tasks:
        task = registry.task(name)
        preset = _preset(task, request.preset)
        settings = settings_of(preset, request.settings)
        model_specs = [
            specified(registry.model(model_name), _hidden_size(request, preset), given)
            for model_name, model_selector in models
            for given in model_selector.grid()
        ]
        configurations.extend(
            (_task_spec(task, preset, given), settings, model_specs) for given in selector.grid()
        )
    trials: dict[str, TrialSpec] = {}
    for seed in seeds:
        for task_spec, settings, model_specs in configurations:
            for model_spec in model_specs:
                trial = TrialSpec(task=task_spec, model=model_spec, settings=settings, seed=seed)
                trials.setdefault(trial.trial_id, trial)
    planned = list(trials.values())
    return [*planned, *varied_trials(planned, request.vary, registry)]


def default_seeds(preset: str | None) -> int:
    """Return the number of seeds of a request that gives none."""
    return DEFAULT_SEEDS_OF_PRESETS.get(preset or DEFAULT_PRESET, DEFAULT_SEEDS)


def _selected(
    kind: str,
    words: Sequence[str],
    known: Iterable[str],
    families: Mapping[str, Sequence[str]] | None = None,
) -> list[tuple[str, Selector]]:
    return [
        (name, selector)
        for selector in parse_selectors(words)
        for name in expand(kind, selector.pattern, sorted(known), families)
    ]


def families_of(registry: Registry) -> dict[str, list[str]]:
    """Return the names of the models of each family, as it is typed; ``other`` without one."""
    found: dict[str, list[str]] = {}
    for name, model in sorted(registry.models.items()):
        found.setdefault(model.family.replace(" ", "-") or OTHER, []).append(name)
    return found


def _check_size(trials: int) -> None:
    if trials > MAX_TRIALS:
        raise UsageError(
            f"the request has {trials:,} trials, more than the limit of {MAX_TRIALS:,}; "
            "give fewer seeds or options."
        )


def _seeds(asked: int | Sequence[int]) -> list[int]:
    try:
        if not isinstance(asked, Iterable):
            _check_size(operator.index(asked))
            asked = range(asked)
        seeds = list(dict.fromkeys(map(operator.index, asked)))
    except TypeError:
        raise UsageError(
            f"seeds={asked} is neither a count, e.g. 5, nor a list, e.g. [0, 1, 7]."
        ) from None
    if not seeds:
        raise UsageError("--seeds needs at least one seed: a count, e.g. 5, or a list, e.g. 0,1,7.")
    if min(seeds) < 0 or max(seeds) > MAX_SEED:
        raise UsageError(f"a seed is outside 0 .. {MAX_SEED}.")
    if TUNING_SEED in seeds:
        raise UsageError(
            f"the seed {TUNING_SEED} is that of tuning, and is never reported; give another seed."
        )
    return seeds


def _preset(task: RegisteredTask, asked: str | None) -> Preset:
    from rnnbench.contract.task import Preset

    presets = task.factory.presets
    if asked is None:
        return presets.get(DEFAULT_PRESET, Preset())
    if asked not in presets:
        near = did_you_mean(asked, presets)
        known = f"It has: {', '.join(presets)}." if presets else "It has none; omit --preset."
        raise UsageError(f"task {task.name!r} has no preset {asked!r}.{near} {known}")
    return presets[asked]


def _task_spec(task: RegisteredTask, preset: Preset, given: Mapping[str, str]) -> TaskSpec:
    resolved = resolve(f"task {task.name!r}", task.options, {**preset.options, **given})
    return TaskSpec(
        name=task.name,
        version=task.factory.version,
        provider=task.provider,
        source=task.source,
        options=resolved,
        shown=_changed(resolved, task.options),
        checksums=task.checksums(resolved),
    )


def _hidden_size(request: Request, preset: Preset) -> int:
    sizes = (request.hidden_size, preset.settings.get(_HIDDEN_SIZE), DEFAULT_HIDDEN_SIZE)
    return next(size for size in sizes if size is not None)


def _check_match(request: Request, models: Iterable[Selector], registry: Registry) -> None:
    """Refuse hidden sizes beside a target that chooses them, and an unknown model in the target."""
    match = parse_match(request.match)
    if match is None:
        return
    if request.hidden_size is not None:
        raise UsageError(
            f"{match} chooses the hidden sizes, and hidden_size={request.hidden_size} is given "
            "too; leave out one of them, or type --match none."
        )
    for selector in models:
        if any(name == _HIDDEN_SIZE for name, _ in selector.options):
            raise UsageError(
                f"{match} chooses the hidden sizes, and {selector.pattern}[hidden_size=...] sets "
                f"one; leave it out, or match the others to it: "
                f"--match {match.quantity}={selector.pattern}[hidden_size=...]."
            )
    reference_model(match, registry, DEFAULT_HIDDEN_SIZE)


def reference_model(match: Match, registry: Registry, hidden_size: int) -> ModelSpec | None:
    """Return the model whose quantity is the target; ``None`` where the target is a number.

    Args:
        match: the target.
        registry: the plugins.
        hidden_size: of a target that does not set it.

    Raises:
        UsageError: no such model, or a wrong option of it.
    """
    if match.model is None:
        return None
    (given,) = match.model.grid()
    return specified(registry.model(match.model.pattern), hidden_size, given)


def specified(model: RegisteredModel, hidden_size: int, given: Mapping[str, str]) -> ModelSpec:
    """Return a model with every option resolved; an option in ``given`` sets another size."""
    typed = options_of_model(model)
    resolved = resolve(f"model {model.name!r}", typed, {_HIDDEN_SIZE: hidden_size, **given})
    options = {name: resolved[name] for name in model.options}
    return ModelSpec.model_validate(
        {
            "name": model.name,
            "provider": model.provider,
            "source": model.source,
            "code": model.given.code if model.given else None,
            "hidden_size": resolved[_HIDDEN_SIZE],
            "causal": model.causal,
            "options": options,
            "shown": _changed(options, model.options),
            "checksums": model.checksums(options),
        }
    )


def options_of_model(model: RegisteredModel) -> dict[str, Option]:
    """Return a model's options as on the command line, where the hidden size is one of them."""
    return {_HIDDEN_SIZE: _HIDDEN_SIZE_OPTION, **model.options}


def _changed(
    resolved: Mapping[str, OptionValue], options: Mapping[str, Option]
) -> dict[str, OptionValue]:
    return {name: value for name, value in resolved.items() if value != options[name].default}


def settings_of(preset: Preset, given: Mapping[str, Any]) -> Settings:
    """Return the training settings of a preset, overridden by those that the user gives."""
    from_preset = {name: value for name, value in preset.settings.items() if name != _HIDDEN_SIZE}
    if unknown := [name for name in from_preset if name not in SETTING_OPTIONS]:
        raise PluginError(
            f"a preset sets {unknown[0]!r}, which is not a setting; report it to the plugin's "
            f"author, or choose another --preset."
        )
    return _valid_settings(
        resolve("training", SETTING_OPTIONS, {**from_preset, **_one_clipping(given)})
    )


def replaced_settings(settings: Settings, values: Mapping[str, OptionValue]) -> Settings:
    """Return settings with these values in place of theirs.

    Raises:
        UsageError: values that exclude each other.
    """
    return _valid_settings({**settings.model_dump(), **_one_clipping(values)})


def _one_clipping(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is given, where one way of clipping that is given replaces the other."""
    clipping = {"clip_norm", "clip_value"}
    if len(chosen := clipping & {n for n, value in given.items() if value is not None}) == 1:
        (other,) = clipping - chosen
        return {other: None, **given}
    return given


def _valid_settings(values: Mapping[str, Any]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"training: {reason}.") from None
