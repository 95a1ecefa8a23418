"""What was equal over the models compared on a task, and what was not, from the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from rnnbench.analysis.formatting import listed, number, whole
from rnnbench.analysis.gradients import initial_options_text
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.tuning.studies import Study
from rnnbench.records.settings import Settings
from rnnbench.records.spec import EQUAL_WITHIN, Matched, Quantity
from rnnbench.records.syntax import option_text

TITLES: dict[Quantity, str] = {
    "params": "parameters",
    "core-params": "core parameters",
    "state": "state",
    "flops": "FLOPs per step",
    "time": "seconds of training",
}
"""What ``--match`` can make equal, as reports name it."""
_COUNTED = {"steps": "optimizer steps", "batch_size": "batch size"}
"""Settings that are named even where they are equal; the others are the recipe."""
_MOST_VALUES = 4
TRIES = "the tries of the tuning"
SEARCH = "the search of the tuning"
TAKEN = "optimizer steps taken"


@dataclass(frozen=True)
class Measured:
    """A quantity of every compared configuration.

    Attributes:
        title: as reports name it.
        values: one for each configuration.
        matched: the target, where all configurations were chosen for the same one.
    """

    title: str
    values: tuple[float, ...]
    matched: Matched | None = None

    @property
    def low(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def error(self) -> float:
        """Largest relative distance: from the target or, without one, from the smallest value."""
        if self.matched is not None:
            return max(abs(value / self.matched.target - 1) for value in self.values)
        if self.low == self.high:
            return 0.0
        return self.high / self.low - 1 if self.low > 0 else float("inf")

    @property
    def is_equal(self) -> bool:
        """Whether the distance is at most 5 %."""
        return self.error <= EQUAL_WITHIN

    @property
    def text(self) -> str:
        """The quantity with its value, its distance from the target, or its range."""
        asked = "" if self.matched is None else f" ({match_text(self.matched)})"
        if self.low == self.high and self.is_equal:
            return f"{self.title} {_figure(self.low)}{asked}"
        if self.is_equal and self.matched is not None:
            target = _figure(self.matched.target)
            return f"{self.title} within {_percent(self.error)} of {target}{asked}"
        if self.is_equal:
            return f"{self.title} within {_percent(self.error)} ({self._range})"
        return f"{self.title} {self._range}{asked}"

    @property
    def _range(self) -> str:
        return f"{_figure(self.low)} to {_figure(self.high)}"


@dataclass(frozen=True)
class Equality:
    """What the compared configurations of a task have in common.

    Attributes:
        measured: quantities of the networks that all of them have.
        settings: each setting of the training, by the texts of its different values.
        tuned: the same of tuned recipes; empty without tuning.
        initial: the options that set the initial weights, by model; empty where all are equal.
        taken: the fewest and the most optimizer steps of a trial, where an early stop made them
            differ.
        tries: tries of the tuning, by configuration; empty without tuning.
        one_search: whether all tuned ones had the same search space, sampler and pruner.
    """

    measured: tuple[Measured, ...]
    settings: dict[str, tuple[str, ...]]
    tuned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    initial: dict[str, str] = field(default_factory=dict)
    taken: tuple[int, int] | None = None
    tries: dict[str, int] = field(default_factory=dict)
    one_search: bool = True

    @property
    def equal(self) -> list[str]:
        """What was equal, within 5 %, as texts for a sentence."""
        tries = [TRIES] if self.tries and self.equal_tries else []
        return [each.text for each in self.measured if each.is_equal] + self._equal_settings + tries

    @property
    def unequal(self) -> list[str]:
        """What was not equal, with its range, as texts for a sentence."""
        found = [each.text for each in self.measured if not each.is_equal]
        found += [f"{setting_title(name)} {_choices(v)}" for name, v in self.different.items()]
        found += [
            f"the tuned {setting_title(name)} {_choices(values)}"
            for name, values in self.tuned.items()
            if len(values) > 1
        ]
        if self.initial:
            each = [f"{model}: {options}" for model, options in self.initial.items() if options]
            options = f" ({'; '.join(each)})" if each else ""
            found.append(f"initial weights{options}")
        if self.taken is not None:
            found.append(f"{TAKEN} {self.taken[0]:,} to {self.taken[1]:,}")
        if not self.equal_tries:
            found.append(f"{TRIES} ({_by_count(self.tries)})")
        return [*found, *([] if self.one_search else [SEARCH])]

    @property
    def equal_tries(self) -> bool:
        """Whether all configurations had the same number of tries."""
        return len(set(self.tries.values())) <= 1

    @property
    def unequal_by_name(self) -> list[str]:
        """What was not equal apart from the measured quantities and settings, without values."""
        return [
            *(f"the tuned {setting_title(n)}" for n, values in self.tuned.items() if values[1:]),
            *(["initial weights"] if self.initial else []),
            *([TAKEN] if self.taken is not None else []),
            *([] if self.equal_tries else [TRIES]),
            *([] if self.one_search else [SEARCH]),
        ]

    @cached_property
    def different(self) -> dict[str, tuple[str, ...]]:
        """The settings that were not equal, with their values."""
        return {name: values for name, values in self.settings.items() if len(values) > 1}

    @property
    def _equal_settings(self) -> list[str]:
        limited = "" if self.taken is None else "limit of "
        counted = [
            f"{limited if name == 'steps' else ''}{title} {self.settings[name][0]}"
            for name, title in _COUNTED.items()
            if name in self.settings and name not in self.different
        ]
        # Where one setting differs, it is named, and the rest of the recipe is equal.
        rest = set(self.different) - set(_COUNTED)
        return [*counted, "the rest of the recipe" if rest else "recipe"]


def equality(task: TaskGroup, studies: Sequence[Study] = ()) -> Equality | None:
    """Compare the configurations of a task that have a score, or all where none has.

    Where recipes were tuned, those with default recipes are compared, and the tuned settings apart.

    Args:
        task: the configurations.
        studies: the tuning studies, of this task and of others.

    Returns:
        ``None`` where fewer than two are compared.
    """
    every = task.scored or task.configurations
    default = [each for each in every if each.recipe != "tuned"]
    tuned = [each for each in every if each.recipe != "untuned"]
    compared = default if len(default) > 1 else every
    if len(compared) < 2:
        return None
    measured = [_measured("hidden size", compared, lambda c: c.spec.model.hidden_size)]
    for quantity, title in TITLES.items():
        measured.append(_measured(title, compared, partial(_value, quantity=quantity), quantity))
    tries, one_search = _tuning(compared, studies)
    return Equality(
        tuple(each for each in measured if each is not None),
        _settings(compared),
        _settings(tuned) if tuned and compared is default else {},
        _initial(compared),
        _taken(compared),
        tries,
        one_search,
    )


def _tuning(
    configurations: Sequence[Configuration], studies: Sequence[Study]
) -> tuple[dict[str, int], bool]:
    """Return the tries by configuration, and whether the searches were the same."""
    found: dict[str, int] = {}
    searches = set()
    for configuration in configurations:
        own = configuration.spec.config_id
        here = [s for s in studies if own in (s.default_config_id, s.tuned_config_id)]
        found[configuration.label] = sum(len(study.tries) for study in here)
        if here:
            searches.add(frozenset((study.space, study.sampler, study.pruner) for study in here))
    return found if any(found.values()) else {}, len(searches) <= 1


def _taken(configurations: Sequence[Configuration]) -> tuple[int, int] | None:
    """Return the fewest and the most steps of a trial, where an early stop made them differ."""
    if all(c.spec.settings.patience is None for c in configurations):
        return None
    steps = [
        learning.steps_taken or c.spec.settings.steps
        for c in configurations
        for learning in c.learned.values()
    ]
    return (min(steps), max(steps)) if len(set(steps)) > 1 else None


def _by_count(tries: dict[str, int]) -> str:
    by_count: dict[int, list[str]] = {}
    for label, count in tries.items():
        by_count.setdefault(count, []).append(label)
    return "; ".join(f"{count}: {listed(by_count[count])}" for count in sorted(by_count))


def _initial(configurations: Sequence[Configuration]) -> dict[str, str]:
    """Return the options that set the initial weights, by model; empty where there is one model."""
    found = {c.spec.model.label: initial_options_text(c) for c in configurations}
    return found if len(found) > 1 else {}


def equality_text(found: Equality) -> str:
    """Return in one line what was equal and what was not, without the ranges of settings."""
    unequal = [each.title for each in found.measured if not each.is_equal]
    unequal += [setting_title(name) for name in found.different]
    unequal += found.unequal_by_name
    line = f"equal: {', '.join(found.equal)}"
    return f"{line}; not equal: {', '.join(unequal)}" if unequal else line


def match_text(matched: Matched) -> str:
    """Return the option that chose a hidden size, as typed."""
    return f"--match {matched.quantity}={matched.asked}"


def setting_title(name: str) -> str:
    """Return the name of a setting in words."""
    return _COUNTED.get(name, name.replace("_", " "))


_SIZES: dict[Quantity, Callable[[Configuration], float | None]] = {
    "params": lambda c: None if c.size is None else c.size.params_total,
    "core-params": lambda c: None if c.size is None else c.size.params_core,
    "state": lambda c: None if c.size is None else c.size.state_size,
    "flops": lambda c: None if c.size is None else c.size.matmul_flops_per_step,
    "time": lambda _: None,
}


def _value(configuration: Configuration, quantity: Quantity) -> float | None:
    """Return the quantity as measured in a trial or, without probes, as the width was chosen."""
    found = _SIZES[quantity](configuration)
    matched = configuration.spec.model.matched
    if found is None and matched is not None and matched.quantity == quantity:
        return matched.achieved
    return found


def _measured(
    title: str,
    configurations: Sequence[Configuration],
    of: Callable[[Configuration], float | None],
    quantity: Quantity | None = None,
) -> Measured | None:
    values = [value for c in configurations if (value := of(c)) is not None]
    if len(values) < len(configurations):
        return None
    targets = {
        None if m is None or m.quantity != quantity else (m.target, m.asked)
        for m in (c.spec.model.matched for c in configurations)
    }
    common = None not in targets and len(targets) == 1
    matched = configurations[0].spec.model.matched if common else None
    return Measured(title, tuple(values), matched)


def _settings(configurations: Sequence[Configuration]) -> dict[str, tuple[str, ...]]:
    found = {}
    for name in Settings.model_fields:
        values = [getattr(c.spec.settings, name) for c in configurations]
        if all(isinstance(value, int | float) for value in values):
            values.sort()
        found[name] = tuple(dict.fromkeys(map(_setting_text, values)))
    return found


def _setting_text(value: object) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return option_text(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _choices(values: Sequence[str]) -> str:
    shown = [*values[:_MOST_VALUES], *(["..."] if len(values) > _MOST_VALUES else [])]
    return " or ".join(shown)


def _figure(value: float) -> str:
    return whole(value) if value >= 100 or value == int(value) else number(value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 5e-4 else "0.1 %"
