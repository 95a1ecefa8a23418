"""Tuning of a request: a study for each model on each task.

Every model gets the same search space and the same number of tries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, get_args

from rnnbench.contract.options import Option
from rnnbench.errors import UsageError, did_you_mean
from rnnbench.plan.planning import (
    MAX_TRIALS,
    SETTING_OPTIONS,
    TUNING_SEED,
    options_of_model,
    replaced_settings,
)
from rnnbench.plan.space import parse_space
from rnnbench.records.base import content_hash
from rnnbench.records.space import Axis
from rnnbench.records.spec import Pruner, Sampler, TrialSpec, Try
from rnnbench.records.syntax import OptionValue, option_text, parse_selectors

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.plan.planning import Request

DEFAULT_TRIES = 10
BOTH, TUNED = "both", "tuned"
"""Recipes that are trained with the seeds of a request: the default one as well, or the tuned."""
HIDDEN_SIZE = "hidden_size"
CHANGES_SIZE = (HIDDEN_SIZE, "embedding_size", "tied_embedding", "block")
"""What besides a model's options changes the quantities that ``match`` makes equal."""
_W = TypeVar("_W", bound=str)


@dataclass(frozen=True)
class StudyPlan:
    """The study of one model on one task.

    Attributes:
        base: a trial with the default recipe and the seed of tuning.
        reported: the trials with the default recipe.
        space: the search space, in the order of the names.
        sampler: how values are proposed.
        pruner: how tries are ended early.
        tries: their number.
        options: the options of the model and ``hidden_size``, by name.
        tuned_only: whether the trials with the default recipe are run only if no try has a score.
    """

    base: TrialSpec
    reported: tuple[TrialSpec, ...]
    space: tuple[Axis, ...]
    sampler: Sampler
    pruner: Pruner
    tries: int
    options: Mapping[str, Option]
    tuned_only: bool = False

    @cached_property
    def study_id(self) -> str:
        """Identity of the study, in which more tries do not change the earlier ones."""
        return content_hash(
            {
                "default": self.base.config_id,
                "space": [axis.text for axis in self.space],
                "sampler": self.sampler,
                "pruner": self.pruner,
                "seed": TUNING_SEED,
            }
        )

    def attempt(self, number: int, values: Mapping[str, OptionValue]) -> TrialSpec:
        """Return the try of this number with these values.

        Raises:
            UsageError: values that exclude each other, or that an option refuses.
        """
        settings = {name: value for name, value in values.items() if name in SETTING_OPTIONS}
        others = {
            name: self.options[name].check(value)
            for name, value in values.items()
            if name not in settings
        }
        model = self.base.model
        size = others.pop(HIDDEN_SIZE, model.hidden_size)
        shown = {name: value for name, value in model.shown.items() if name not in others}
        shown |= {
            name: value for name, value in others.items() if value != self.options[name].default
        }
        return self.base.model_copy(
            update={
                "model": model.model_copy(
                    update={
                        "hidden_size": size,
                        "options": {**model.options, **others},
                        "shown": shown,
                    }
                ),
                "settings": replaced_settings(self.base.settings, settings),
                "tuning": Try(
                    study=self.study_id,
                    number=number,
                    values=dict(values),
                    space=self.space,
                    sampler=self.sampler,
                    pruner=self.pruner,
                    asked=self.tries,
                    default_id=self.base.config_id,
                ),
            }
        )

    def chosen(self, tried: TrialSpec) -> list[TrialSpec]:
        """Return the reported trials with the recipe of a try."""
        recipe = {"model": tried.model, "settings": tried.settings}
        return [spec.model_copy(update=recipe) for spec in self.reported]


def plan_studies(
    request: Request, trials: Sequence[TrialSpec], registry: Registry
) -> list[StudyPlan]:
    """Return a study for each configuration of the trials; none where nothing is tuned.

    Args:
        request: what was asked for.
        trials: the reported trials with the default recipe.
        registry: the plugins.

    Raises:
        UsageError: a search space that cannot be searched, or an option of tuning without one.
    """
    tries = _tries(request)
    sampler = _word("tune_sampler", request.tune_sampler, "random", get_args(Sampler))
    pruner = _word("tune_pruner", request.tune_pruner, "none", get_args(Pruner))
    reported = _word("tune_report", request.tune_report, BOTH, (BOTH, TUNED))
    if not request.tune:
        return []
    models = {spec.model.name: options_of_model(registry.model(spec.model.name)) for spec in trials}
    space = parse_space(request.tune, models)
    for axis in space:
        _check_free(axis.name, request)
    if sampler == "grid":
        tries = min(tries, _points(space)) if request.tune_trials else _points(space)
    by_recipe: dict[str, list[TrialSpec]] = {}
    for spec in trials:
        by_recipe.setdefault(spec.recipe_id, []).append(spec)
    if len(by_recipe) * tries > MAX_TRIALS:
        raise UsageError(
            f"the tuning has {len(by_recipe) * tries:,} tries, more than the limit of "
            f"{MAX_TRIALS:,}; give a smaller --tune-trials."
        )
    return [
        StudyPlan(
            base=specs[0].model_copy(update={"seed": TUNING_SEED, "varied": "all"}),
            reported=tuple(specs),
            space=space,
            sampler=sampler,
            pruner=pruner,
            tries=tries,
            options=models[specs[0].model.name],
            tuned_only=reported == TUNED,
        )
        for specs in by_recipe.values()
    ]


def _tries(request: Request) -> int:
    given = {
        "--tune-trials": request.tune_trials,
        "--tune-sampler": request.tune_sampler,
        "--tune-pruner": request.tune_pruner,
        "--tune-report": request.tune_report,
    }
    for flag, value in given.items():
        if value is not None and not request.tune:
            raise UsageError(
                f"{flag} {value} is given, and nothing is tuned; "
                "add what to tune, e.g. --tune 'learning_rate=1e-4..1e-2'."
            )
    tries = DEFAULT_TRIES if request.tune_trials is None else request.tune_trials
    if isinstance(tries, bool) or not isinstance(tries, int) or tries < 1:
        raise UsageError(f"tune_trials={tries!r} is not a number of tries; give e.g. 10.")
    return tries


def _word(name: str, given: str | None, default: _W, known: tuple[_W, ...]) -> _W:
    if given is None:
        return default
    for word in known:
        if given == word:
            return word
    raise UsageError(
        f"{name}={given!r} is not one of {', '.join(known)}.{did_you_mean(str(given), known)}"
    )


def _points(space: Sequence[Axis]) -> int:
    for axis in space:
        if axis.is_range:
            raise UsageError(
                f"--tune-sampler grid needs the values of {axis.name}, not a range; "
                f"type e.g. --tune '{axis.name}={option_text(axis.low)}|{option_text(axis.high)}'."
            )
    return math.prod(len(axis.choices) for axis in space)


def _check_free(name: str, request: Request) -> None:
    """Refuse to tune what the request fixes.

    Raises:
        UsageError: a value of the same name is given, or the sizes are to be matched.
    """
    fixed = f"; leave out one of them, --tune {name}=... or the fixed value."
    if name in request.settings:
        value = option_text(request.settings[name])
        raise UsageError(f"{name} is tuned, and {name}={value} is given too{fixed}")
    other = {"clip_norm": "clip_value", "clip_value": "clip_norm"}.get(name)
    if other is not None and request.settings.get(other) not in (None, "none"):
        value = option_text(request.settings[other])
        raise UsageError(
            f"{name} is tuned, and would replace {other}={value}, which is given too; leave out "
            f"one of them, --tune {name}=... or the fixed value."
        )
    if name == HIDDEN_SIZE and request.hidden_size is not None:
        raise UsageError(f"{name} is tuned, and {name}={request.hidden_size} is given too{fixed}")
    for selector in parse_selectors(request.models):
        if name in dict(selector.options):
            raise UsageError(f"{name} is tuned, and model {selector.pattern!r} sets it too{fixed}")
    matched = request.match is not None and request.match.strip().lower() != "none"
    if matched and (name in CHANGES_SIZE or name not in SETTING_OPTIONS):
        raise UsageError(
            f"{name} is tuned, and may change the sizes that --match makes equal before the "
            f"tuning; leave out --tune {name}=... or --match."
        )
