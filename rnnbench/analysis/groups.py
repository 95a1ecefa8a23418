"""Records in groups: tasks, and configurations whose trials differ in their seed alone."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from types import MappingProxyType
from typing import Literal, TypeAlias

from rnnbench.analysis.statistics.intervals import (
    Estimate,
    censored_median,
    mean_interval,
    success_rate,
    widened,
)
from rnnbench.analysis.statistics.items import item_error
from rnnbench.records.base import content_hash
from rnnbench.records.gradient import Gradient, Profile
from rnnbench.records.result import DataSize, Learning, Record, Size, Status
from rnnbench.records.spec import TaskSpec, TrialSpec
from rnnbench.records.speed import Speed, SpeedMode, SpeedPoint
from rnnbench.records.syntax import OptionValue, with_options

Recipe: TypeAlias = Literal["untuned", "tuned", "both"]
"""Whether a tuning study chose a configuration; ``both``: it chose the recipe it was to improve."""


@dataclass(frozen=True, eq=False)
class Configuration:
    """The trials of one configuration (``spec.config_id``), one per seed, ordered by seed."""

    label: str
    """Unique within its task; the same in every task."""
    records: tuple[Record, ...]
    recipe: Recipe = "untuned"

    @property
    def spec(self) -> TrialSpec:
        """The specification of the first seed."""
        return self.records[0].spec

    @cached_property
    def learned(self) -> dict[int, Learning]:
        """Learning by seed, of the trials that are done with a finite score."""
        return {
            record.spec.seed: record.result.learning
            for record in self.records
            if record.result.status is Status.DONE
            and record.result.learning is not None
            and math.isfinite(record.result.learning.score)
        }

    @cached_property
    def scores(self) -> dict[int, float]:
        """Finite test scores by seed."""
        return {seed: learning.score for seed, learning in self.learned.items()}

    @cached_property
    def failures(self) -> tuple[Record, ...]:
        """The trials without a score."""
        return tuple(record for record in self.records if record.spec.seed not in self.learned)

    @cached_property
    def diverged(self) -> int:
        """Number of trials whose loss became infinite or NaN: they failed to learn."""
        return sum(record.result.status is Status.DIVERGED for record in self.records)

    @cached_property
    def score(self) -> Estimate | None:
        """Mean test score over seeds, with its interval.

        On a finite test set the interval also holds the choice of the test items.
        """
        if not self.scores:
            return None
        estimate = mean_interval(list(self.scores.values()))
        return estimate if self.item_error is None else widened(estimate, self.item_error)

    @cached_property
    def item_error(self) -> float | None:
        """Standard error of the mean score over the choice of test items of a finite test set.

        ``None`` where records have no items, as of generated tasks.
        """
        items = [learning.items for learning in self.learned.values()]
        known = [each for each in items if each is not None]
        return item_error(known) if known and len(known) == len(items) else None

    @cached_property
    def skill(self) -> Estimate | None:
        """Mean skill over seeds, with its interval."""
        skills = [
            learning.skill for learning in self.learned.values() if math.isfinite(learning.skill)
        ]
        return mean_interval(skills) if skills else None

    @cached_property
    def solved(self) -> Estimate | None:
        """Share of trials that solved the task.

        Diverged trials count as unsolved; other failures do not count.
        """
        n = len(self.learned) + self.diverged
        return (
            success_rate(sum(learning.solved for learning in self.learned.values()), n)
            if n
            else None
        )

    @cached_property
    def steps_to_solve(self) -> float | None:
        """Steps by which half of the trials had solved the task; ``None``: fewer than half did."""
        steps = [learning.steps_to_solve for learning in self.learned.values()] + [
            None
        ] * self.diverged
        return censored_median(steps) if steps else None

    @property
    def still_improving(self) -> bool:
        """Whether at least half of its trials still improved at the end of training."""
        found = [bool(learning.still_improving) for learning in self.learned.values()]
        return bool(found) and 2 * sum(found) >= len(found)

    @cached_property
    def train_seconds(self) -> float | None:
        """Median seconds spent in optimizer steps."""
        seconds = [learning.train_seconds for learning in self.learned.values()]
        return median(seconds) if seconds else None

    @cached_property
    def size(self) -> Size | None:
        """Its size, which is the same for every seed."""
        return next(
            (record.result.size for record in self.records if record.result.size is not None), None
        )

    @cached_property
    def speeds(self) -> tuple[Speed, ...]:
        """The speed passes among its records, one for each environment."""
        distinct: dict[str, Speed] = {}
        for record in self.records:
            if record.speed is not None:
                distinct[record.speed.environment.model_dump_json()] = record.speed
        return tuple(distinct.values())

    @property
    def speed(self) -> Speed | None:
        """The latest speed pass."""
        return self.speeds[-1] if self.speeds else None

    @property
    def comparator(self) -> str | None:
        """The model that its speeds are ratios to, in words."""
        return None if self.speed is None else self.speed.against

    def speed_point(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` as built, at the task's own length, of the latest pass."""
        return None if self.speed is None else self.speed.at_own_length(mode)

    def plain_loop(self, mode: SpeedMode) -> SpeedPoint | None:
        """Return the timing of ``mode`` of its plain loop, from the latest speed pass."""
        return None if self.speed is None else self.speed.plain_loop(mode)

    @cached_property
    def gradients(self) -> tuple[Gradient, ...]:
        """The gradient measurements, one per seed that has one."""
        return tuple(
            record.result.gradient for record in self.records if record.result.gradient is not None
        )

    def profiles(self, of: str, when: str, direction: str = "past") -> list[Profile]:
        """Return the profiles asked for, one per seed that has one."""
        found = (gradient.find(of, when, direction) for gradient in self.gradients)
        return [profile for profile in found if profile is not None]


@dataclass(frozen=True, eq=False)
class TaskGroup:
    """The configurations on one task and its data, best mean score first, without scores last."""

    label: str
    spec: TaskSpec
    configurations: tuple[Configuration, ...]

    @cached_property
    def data_size(self) -> DataSize | None:
        """Size of the data, from any finished trial; ``None`` where no record has it."""
        return next(
            (
                record.result.data_size
                for record in self.records
                if record.result.data_size is not None
            ),
            None,
        )

    @cached_property
    def seen_in_training(self) -> float:
        """Largest share over the trials of test sequences that were in training too."""
        sizes = (record.result.data_size for record in self.records)
        return max((size.seen_in_training for size in sizes if size is not None), default=0.0)

    @cached_property
    def trained_on(self) -> dict[str, tuple[str, ...]]:
        """The configurations by the processor or GPU that trials with a score were trained on."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for configuration in self.configurations:
            for record in configuration.records:
                environment = record.result.environment
                if environment is not None and record.spec.seed in configuration.learned:
                    found[environment.trained_on][configuration.label] = None
        return {device: tuple(labels) for device, labels in sorted(found.items())}

    @cached_property
    def data_checksums(self) -> dict[str, str]:
        """SHA-256 of all data, by file option or name, from any finished trial."""
        found = next(
            (
                record.result.data_checksums
                for record in self.records
                if record.result.data_checksums
            ),
            {},
        )
        return {**self.spec.checksums, **found}

    @cached_property
    def learning(self) -> Learning | None:
        """Learning of any finished trial, for the values that the task fixes.

        These are the score's name and direction, and the baseline and perfect scores.
        """
        return next(
            (learning for c in self.configurations for learning in c.learned.values()), None
        )

    @property
    def score_name(self) -> str:
        """The name of the task's score."""
        return "score" if self.learning is None else self.learning.score_name

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """Which scores are better."""
        return "higher" if self.learning is None else self.learning.direction

    @property
    def sign(self) -> int:
        """+1 where a higher score is better, else -1."""
        return 1 if self.direction == "higher" else -1

    @cached_property
    def scored(self) -> tuple[Configuration, ...]:
        """The configurations with at least one score, best first."""
        return tuple(configuration for configuration in self.configurations if configuration.scores)

    @property
    def records(self) -> Iterable[Record]:
        """All records, configuration by configuration."""
        return (record for configuration in self.configurations for record in configuration.records)


def latest(records: Sequence[Record]) -> list[Record]:
    """Return the last attempt of each trial, in the order in which the trials first appear."""
    found: dict[str, Record] = {}
    for record in records:
        known = found.get(record.trial_id)
        if known is None or record.attempt >= known.attempt:
            found[record.trial_id] = record
    return list(found.values())


TUNED = " (tuned)"
"""Ends the label of a configuration that a tuning study chose."""
_NONE_TUNED: Mapping[str, str] = MappingProxyType({})


def group(records: Sequence[Record], tuned: Mapping[str, str] = _NONE_TUNED) -> list[TaskGroup]:
    """Group the last attempts of all trials by task and data, then by configuration.

    Trials that vary one source of randomness alone, and tries of a tuning study, are left out:
    their scores never count. Tasks are in the order of their labels.

    Args:
        records: attempts; the last one of each trial counts.
        tuned: ``config_id`` of each configuration that a tuning study chose, with that of the
            default one that it improves on; its label is that of the latter with ``(tuned)``.
    """
    by_task: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    last = [record for record in latest(records) if record.spec.reported]
    data = _data_of_tasks(last)
    for record in last:
        task_id = record.spec.task.task_id
        checksums = record.result.data_checksums or data.get(task_id, {})
        key = content_hash([task_id, checksums]) if checksums else task_id
        by_task[key][record.spec.config_id].append(record)
    shown = _distinguishing(by_task.values(), tuned)
    task_labels = Counter(_first(configs).task.label for configs in by_task.values())
    groups = []
    for key, configs in by_task.items():
        spec = _first(configs).task
        label = spec.label if task_labels[spec.label] == 1 else f"{spec.label} (data {key[:6]})"
        groups.append(TaskGroup(label, spec, tuple(_ordered(_labelled(configs, shown, tuned)))))
    return sorted(groups, key=lambda each: (_natural(each.label), each.spec.task_id))


def _natural(label: str) -> list[tuple[str, float]]:
    """Return a sorting key that puts delay=20 before delay=100."""
    return [
        (text, float(figure or 0))
        for text, figure in re.findall(r"([^0-9]*)([0-9]+(?:\.[0-9]+)?)?", label)
    ]


def _data_of_tasks(records: Sequence[Record]) -> dict[str, dict[str, str]]:
    """Return the checksums of each task's data that no option names.

    A trial that failed before it read its data is grouped by them.
    """
    found: dict[str, dict[str, str]] = {}
    for record in records:
        if record.result.data_checksums:
            found.setdefault(record.spec.task.task_id, record.result.data_checksums)
    return found


def _first(configs: dict[str, list[Record]]) -> TrialSpec:
    return next(iter(configs.values()))[0].spec


def _features(spec: TrialSpec) -> dict[str, OptionValue]:
    """Return the features in which two configurations of one model label may differ."""
    return {
        "hidden_size": spec.model.hidden_size,
        **spec.settings.model_dump(),
        **{f"option {name}": value for name, value in spec.model.options.items()},
        "plugin": spec.model.provider.distribution,
        "plugin_version": spec.model.provider.version,
        "source": spec.model.source.removeprefix("sha256:")[:8],
    }


def _distinguishing(
    tasks: Iterable[dict[str, list[Record]]], tuned: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the features in which the configurations of each model label differ within a task.

    Those that a tuning study chose are left out: their labels say so.
    """
    differing: dict[str, dict[str, None]] = defaultdict(dict)
    for configs in tasks:
        by_label: dict[str, list[dict[str, OptionValue]]] = defaultdict(list)
        for config_id, records in configs.items():
            if _recipe_of(config_id, tuned) == "tuned":
                continue
            by_label[records[0].spec.model.label].append(_features(records[0].spec))
        for label, features in by_label.items():
            names = dict.fromkeys(name for each in features for name in each)
            differing[label] |= {
                n: None for n in names if len({(n in f, str(f.get(n))) for f in features}) > 1
            }
    return {label: list(names) for label, names in differing.items()}


def _recipe_of(config_id: str, tuned: Mapping[str, str]) -> Recipe:
    if config_id not in tuned:
        return "untuned"
    return "both" if config_id in tuned.values() else "tuned"


def _labelled(
    configs: dict[str, list[Record]], shown: dict[str, list[str]], tuned: Mapping[str, str]
) -> list[Configuration]:
    labels = {}
    for config_id, records in configs.items():
        model, features = records[0].spec.model, _features(records[0].spec)
        extra = {
            name.removeprefix("option "): features.get(name) for name in shown.get(model.label, [])
        }
        labels[config_id] = with_options(model.name, {**model.shown, **extra})
    own = dict(labels)
    for config_id in configs:
        if _recipe_of(config_id, tuned) == "tuned":
            labels[config_id] = f"{own.get(tuned[config_id], own[config_id])}{TUNED}"
    repeated = Counter(labels.values())
    return [
        Configuration(
            labels[config_id]
            if repeated[labels[config_id]] == 1
            else f"{labels[config_id]} ({config_id[:6]})",
            tuple(sorted(records, key=lambda record: record.spec.seed)),
            _recipe_of(config_id, tuned),
        )
        for config_id, records in configs.items()
    ]


def _ordered(configurations: list[Configuration]) -> list[Configuration]:
    higher = next(
        (x.direction == "higher" for c in configurations for x in c.learned.values()), True
    )

    def key(configuration: Configuration) -> tuple[bool, float, str]:
        estimate = configuration.score
        value = math.inf if estimate is None else -estimate.value if higher else estimate.value
        return (estimate is None, value, configuration.label)

    return sorted(configurations, key=key)
