"""Default recipe and tuned recipe side by side, and how often a verdict changes between them."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rnnbench.analysis.formatting import counted, listed
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.analysis.judged import Field, JudgedTask
from rnnbench.analysis.statistics.expected_best import ExpectedBest, expected_best
from rnnbench.analysis.statistics.intervals import Estimate, mean_interval
from rnnbench.analysis.tuning.studies import Study, try_of
from rnnbench.analysis.unscored import NOT_TRAINED
from rnnbench.analysis.verdicts import Outcome
from rnnbench.records.result import Record, Status
from rnnbench.records.space import Axis
from rnnbench.records.syntax import OptionValue, option_text


@dataclass(frozen=True, eq=False)
class TunedModel:
    """A study, and the configurations with the default recipe and with the chosen one."""

    study: Study
    label: str
    """Label of the model, the same as in every other table, unless it has several studies."""
    default: Configuration | None
    tuned: Configuration | None
    """The same as ``default`` where the study chose the default recipe."""

    @property
    def values(self) -> Mapping[str, OptionValue]:
        """The chosen values; empty where no try has a score."""
        return {} if self.study.best is None else try_of(self.study.best).values

    @property
    def best_score(self) -> float | None:
        """The best validation score."""
        best = self.study.best
        return None if best is None else self.study.validated[try_of(best).number].best_score

    @property
    def no_better(self) -> bool:
        """Whether the default recipe itself was chosen."""
        return self.tuned is not None and self.tuned is self.default

    @cached_property
    def difference(self) -> Estimate | None:
        """Tuned minus default score, mean over the seeds that both have, with its interval."""
        if self.default is None or self.tuned is None:
            return None
        ours, theirs = self.default.scores, self.tuned.scores
        paired = [theirs[seed] - ours[seed] for seed in ours if seed in theirs]
        return mean_interval(paired) if paired else None


@dataclass(frozen=True)
class ChangedVerdict:
    """A pair of models that is judged otherwise with tuned recipes than with default ones."""

    a: str
    b: str
    default: Outcome
    tuned: Outcome


@dataclass(frozen=True)
class VerdictChanges:
    """How many pairs of models were judged with both recipes, and the verdicts that changed."""

    pairs: int
    changed: tuple[ChangedVerdict, ...]
    too_few_seeds: int = 0
    """Pairs that at least one recipe has too few seeds for; not among ``pairs``."""


def tuned_configurations(studies: Iterable[Study]) -> dict[str, str]:
    """Return the ``config_id`` chosen by each study with that of its default recipe."""
    return {
        study.tuned_config_id: study.default_config_id
        for study in studies
        if study.tuned_config_id is not None
    }


def without_superseded(records: Sequence[Record], studies: Sequence[Study]) -> list[Record]:
    """Return records without those of recipes that only the first tries of a study had chosen.

    A study that went on with more tries may choose another recipe. The earlier one is neither a
    default recipe nor the best of equally many tries, so that it belongs in no comparison. A
    recipe of listed choices alone may have been asked for by itself, and is kept.
    """
    kept = {study.default_config_id for study in studies}
    kept |= {study.tuned_config_id for study in studies if study.tuned_config_id is not None}
    dropped = {
        chosen
        for study in studies
        if any(axis.is_range for axis in study.space)
        for chosen in _chosen_by_the_first(study)
    } - kept
    return [record for record in records if record.spec.recipe_id not in dropped]


def _chosen_by_the_first(study: Study) -> set[str]:
    """Return the recipes chosen by the first try, the first two tries, and so on."""
    sizes = range(1, len(study.tries) + 1)
    chosen = (Study(study.tries[:size]).tuned_config_id for size in sizes)
    return {config_id for config_id in chosen if config_id is not None}


def tuned_models(task: TaskGroup, studies: Iterable[Study]) -> list[TunedModel]:
    """Return the studies on a task with their configurations, in the order of the table."""
    by_id = {c.spec.config_id: c for c in task.configurations}
    found = []
    for study in studies:
        if study.task.task_id != task.spec.task_id:
            continue
        default = by_id.get(study.default_config_id)
        tuned = by_id.get(study.tuned_config_id or "")
        label = study.model.name if default is None else default.label
        found.append(TunedModel(study, label, default, tuned))
    found = _distinct(found)
    order = {id(c): place for place, c in enumerate(task.configurations)}
    return sorted(found, key=lambda each: (order.get(id(each.tuned), len(order)), each.label))


def _distinct(models: Sequence[TunedModel]) -> list[TunedModel]:
    """Return the models with the tuned settings in the labels where one has several studies."""
    for more in (lambda s: listed([axis.name for axis in s.space]), lambda s: s.study_id[:6]):
        count = Counter(each.label for each in models)
        models = [
            replace(each, label=f"{each.label} ({more(each.study)})")
            if count[each.label] > 1
            else each
            for each in models
        ]
    return list(models)


def verdict_changes(judged: JudgedTask, models: Sequence[TunedModel]) -> VerdictChanges:
    """Return how often the verdict on a pair of models depends on the recipe.

    The verdict on a pair is that of its family, of default recipes and of tuned ones. Models that
    look ahead are paired with each other alone, as in the tables.
    """
    fields = {(field.ahead, field.tuned): field for field in judged.fields}
    changed: list[ChangedVerdict] = []
    pairs = too_few = 0
    for ahead in (False, True):
        default, tuned = fields.get((ahead, False)), fields.get((ahead, True))
        if default is None or tuned is None:
            continue
        here = [each for each in models if _judged(each, default, tuned)]
        for a, b in itertools.combinations(here, 2):
            if a.default is b.default:
                continue  # two studies of one model
            assert a.default is not None
            assert a.tuned is not None
            assert b.default is not None
            assert b.tuned is not None
            before = default.verdict(a.default, b.default).outcome
            after = tuned.verdict(a.tuned, b.tuned).outcome
            if "too few seeds" in (before, after):
                too_few += 1
                continue
            pairs += 1
            if before != after:
                changed.append(ChangedVerdict(a.label, b.label, before, after))
    return VerdictChanges(pairs, tuple(changed), too_few)


def _judged(model: TunedModel, default: Field, tuned: Field) -> bool:
    return model.default in default.configurations and model.tuned in tuned.configurations


_SAMPLERS = {"random": "random search", "tpe": "TPE", "grid": "a grid"}


def values_text(values: Mapping[str, OptionValue]) -> str:
    """Return tuned values as ``learning_rate=0.003, optimizer=sgd``."""
    return ", ".join(f"{name}={option_text(value)}" for name, value in values.items())


def axis_text(axis: Axis) -> str:
    """Return an axis in words: ``learning_rate in [0.0001, 0.01]``."""
    if axis.low is None or axis.high is None:
        return f"{axis.name} among {listed([option_text(each) for each in axis.choices])}"
    return f"{axis.name} in [{option_text(axis.low)}, {option_text(axis.high)}]"


def search_text(studies: Sequence[Study]) -> str:
    """Return the number of tries and what they searched: ``10 tries of random search over ...``."""
    counts = sorted({len(study.tries) for study in studies})
    tries = (
        counted(counts[0], "try").replace("trys", "tries")
        if len(counts) == 1
        else f"{counts[0]} to {counts[-1]} tries"
    )
    ways = dict.fromkeys(
        f"{_SAMPLERS[study.sampler]} over {listed([axis_text(each) for each in study.space])}"
        + (f" ({study.pruner} pruner)" if study.pruner != "none" else "")
        for study in studies
    )
    return f"{tries} of {' or of '.join(ways)}"


def how_chosen(models: Sequence[TunedModel]) -> str:
    """Return how the recipes were chosen, without a full stop."""
    studies = [each.study for each in models]
    seeds = {record.spec.seed for study in studies for record in study.tries}
    whose = f"a seed ({seeds.pop()})" if len(seeds) == 1 else "seeds"
    are = "is" if whose != "seeds" else "are"
    unequal = len({len(study.tries) for study in studies}) > 1
    return (
        f"Each model's recipe was chosen from {search_text(studies)} by validation, on {whose} "
        f"that {are} not reported"
        + ("; the models did not have the same number of tries" if unequal else "")
    )


def expected_best_of(study: Study, task: TaskGroup) -> ExpectedBest | str:
    """Return the expected best score by number of tries, or the reason why there is none.

    A try without a score counts as the worst one: the baseline, or a worse try. Tries that did not
    end, or that the model declined, are left out.
    """
    if study.sampler != "random":
        return f"tries of {_SAMPLERS[study.sampler]} are not drawn independently"
    if study.statuses[Status.PRUNED]:
        return "a pruner ended tries early, whose scores are not known"
    scores = [validated.best_score for validated in study.validated.values()]
    if len(scores) < 2:
        return "fewer than two tries have a score"
    sign = 1 if study.direction == "higher" else -1
    counted_out = sum(study.statuses[status] for status in NOT_TRAINED)
    baseline = [] if task.learning is None else [task.learning.baseline]
    worst = min([*scores, *filter(math.isfinite, baseline)], key=lambda score: sign * score)
    failed = len(study.tries) - counted_out - len(scores)
    return expected_best([*scores, *[worst] * failed], sign)
