"""The section on the tuning of a task: default and tuned recipes side by side, and the tries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from rnnbench.analysis.formatting import (
    MISSING,
    counted,
    estimate_text,
    level_text,
    listed,
    number,
    rate_text,
)
from rnnbench.analysis.groups import Configuration
from rnnbench.analysis.judged import JudgedTask
from rnnbench.analysis.tuning.importance import FEWEST_TRIES, importances
from rnnbench.analysis.tuning.recipes import (
    ChangedVerdict,
    TunedModel,
    expected_best_of,
    how_chosen,
    values_text,
    verdict_changes,
)
from rnnbench.analysis.tuning.studies import try_of
from rnnbench.errors import one_line
from rnnbench.records.result import Status
from rnnbench.report.blocks import Column, Row, Section, Table
from rnnbench.report.figures.style import Style, assign_styles
from rnnbench.report.figures.tuning import best_by_tries, sensitivity
from rnnbench.report.page.leaderboard import MOST_ROWS

_MOST_CHANGES = 6


def tuning_section(
    judged: JudgedTask, models: Sequence[TunedModel], styles: Mapping[str, Style], place: int
) -> Section:
    """Return the section; ``models`` are the studies on the task, at least one."""
    task, name = judged.task, f"tuning-{place}"
    styles = _styles(models, styles)
    parts = (
        partial(default_and_tuned, judged, models, styles),
        partial(sensitivity, task, models, styles, f"{name}-sensitivity"),
        partial(best_by_tries, task, models, styles, f"{name}-tries"),
        partial(importance_table, models),
        partial(lost_tries, models),
    )
    sentences = (
        f"{how_chosen(models)}.",
        *_differences(judged, models),
        changes_text(judged, models),
        *_refused(judged, models),
    )
    return Section(f"{task.label}: tuning", name, tuple(filter(None, sentences)), parts)


def _styles(models: Sequence[TunedModel], styles: Mapping[str, Style]) -> Mapping[str, Style]:
    """Return the styles by the labels of the section: those of the page where it has them.

    It has none for a model with several studies; then all of the section are assigned anew.
    """
    own = {each.label: each.tuned.label for each in models if each.tuned is not None}
    known = {
        each.label: styles[label]
        for each in models
        for label in (own.get(each.label, each.label), each.label)
        if label in styles
    }
    labels = {each.label for each in models}
    return known if labels <= set(known) else assign_styles(sorted(labels))


def _differences(judged: JudgedTask, models: Sequence[TunedModel]) -> list[str]:
    said: dict[str, list[str]] = defaultdict(list)
    for each in models:
        found = each.difference
        if found is None or found.low is None or found.high is None or each.no_better:
            continue
        sign = 1 if each.study.direction == "higher" else -1
        text = f"{each.label} ({estimate_text(found, signed=True)})"
        if found.low > 0 or found.high < 0:
            said["better" if sign * found.value > 0 else "worse"].append(text)
        else:
            said["open"].append(text)
    lines = []
    score = judged.task.score_name
    lines += [
        f"By the interval of the paired difference in {score}, the tuned recipe is {outcome} than "
        f"the default one for {listed(said[outcome])}."
        for outcome in ("better", "worse")
        if said[outcome]
    ]
    if said["open"]:
        lines.append(
            f"The interval of the paired difference holds 0, so that neither recipe is shown to be "
            f"better, for {listed(said['open'])}."
        )
    if same := [each.label for each in models if each.no_better]:
        lines.append(f"The default recipe was itself the best try for {listed(same)}.")
    if none := [each.label for each in models if each.study.best is None]:
        lines.append(f"No try had a score, so that no recipe was chosen, for {listed(none)}.")
    return lines


def changes_text(judged: JudgedTask, models: Sequence[TunedModel]) -> str:
    """Return how often the verdict on two models changes with the recipe; empty for no pair."""
    found = verdict_changes(judged, models)
    few = (
        f" ({counted(found.too_few_seeds, 'further pair')} with too few seeds)"
        if found.too_few_seeds
        else ""
    )
    if not found.pairs:
        return ""
    of = f"Of {counted(found.pairs, 'pair')} of models"
    if not found.changed:
        return f"{of}, no verdict changes from default to tuned recipes{few}."
    named = listed([_change(each) for each in found.changed], most=_MOST_CHANGES)
    count = counted(len(found.changed), "verdict")
    verb = "changes" if len(found.changed) == 1 else "change"
    return f"{of}, {count} {verb} from default to tuned recipes: {named}{few}."


def _change(change: ChangedVerdict) -> str:
    def words(outcome: str) -> str:
        if outcome in ("better", "worse"):
            return f"{change.b} {outcome}"
        return outcome

    return f"{change.a} and {change.b} ({words(change.default)}, then {words(change.tuned)})"


def _refused(judged: JudgedTask, models: Sequence[TunedModel]) -> list[str]:
    """Say why a model has no curve of its best score by tries."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for each in models:
        found = expected_best_of(each.study, judged.task)
        if isinstance(found, str):
            reasons[found].append(each.label)
    return [
        f"No expected best score by number of tries for {listed(labels)}: {reason}."
        for reason, labels in reasons.items()
    ]


def default_and_tuned(
    judged: JudgedTask, models: Sequence[TunedModel], styles: Mapping[str, Style]
) -> Table:
    """Return the scores with both recipes, their paired difference, and the chosen values."""
    task = judged.task
    rows = []
    for each in models:
        difference = each.difference
        rows.append(
            Row(
                (
                    each.label,
                    _score(each.default),
                    _score(each.tuned),
                    MISSING if difference is None else estimate_text(difference, signed=True),
                    MISSING if difference is None else str(difference.n),
                    _solved(each.default),
                    _solved(each.tuned),
                    values_text(each.values) or MISSING,
                    number(each.best_score),
                    f"{len(each.study.validated)}/{len(each.study.tries)}",
                ),
                colour=styles[each.label].colour if each.label in styles else None,
            )
        )
    columns = (
        Column("model", numeric=False),
        Column(f"default, test {task.score_name} [{level_text()}]"),
        Column(f"tuned, test {task.score_name} [{level_text()}]"),
        Column(f"tuned minus default, paired [{level_text()}]"),
        Column("seeds of both"),
        Column("solved, default"),
        Column("solved, tuned"),
        Column("chosen values", numeric=False),
        Column("best validation score"),
        Column("tries with a score"),
    )
    notes = (
        f"Mean over the reported seeds; {task.direction} is better. The difference is paired: both "
        "recipes have the same seeds. Its intervals hold for each model on its own and are not "
        "corrected for their number.",
        "The best validation score is the best of several tries on one seed, and so better than "
        "that recipe is on average.",
    )
    return Table("Default and tuned recipes", columns, tuple(rows[:MOST_ROWS]), notes)


def _score(configuration: Configuration | None) -> str:
    return MISSING if configuration is None else estimate_text(configuration.score)


def _solved(configuration: Configuration | None) -> str:
    return MISSING if configuration is None else rate_text(configuration.solved)


def importance_table(models: Sequence[TunedModel]) -> Table | None:
    """Return the importance of each setting by functional ANOVA; ``None`` for single settings."""
    several = [each for each in models if len(each.study.space) > 1]
    if not several:
        return None
    names = list(dict.fromkeys(axis.name for each in several for axis in each.study.space))
    rows, reasons = [], defaultdict(list)
    for each in several:
        found = importances(each.study)
        if isinstance(found, str):
            reasons[found].append(each.label)
            continue
        cells = (number(found[name], 2) if name in found else MISSING for name in names)
        rows.append(Row((each.label, *cells, str(len(each.study.validated)))))
    notes = [
        "Share of the variance of validation scores over the search space that a setting explains "
        "on its own, scaled to a sum of 1 (functional ANOVA on a random forest, Hutter et al. "
        f"2014, by Optuna). From few tries it is rough; below {FEWEST_TRIES} scores there is none.",
        *(f"None for {listed(labels)}: {reason}." for reason, labels in reasons.items()),
    ]
    columns = (
        Column("model", numeric=False),
        *(Column(name) for name in names),
        Column("tries with a score"),
    )
    return Table("Importance of the settings", columns, tuple(rows), tuple(notes))


def lost_tries(models: Sequence[TunedModel]) -> Table | None:
    """Return the tries without a score, with their values and reasons."""
    rows = []
    for each in models:
        for record in each.study.tries:
            this = try_of(record)
            if this.number in each.study.validated:
                continue
            reached = record.result.validated
            early = (
                f"after {counted(reached.steps_taken, 'step')}, best {number(reached.best_score)}"
                if record.result.status is Status.PRUNED and reached is not None
                else "no finite score"
            )
            reason = one_line(record.result.error or early, 300)
            status = record.result.status.value
            rows.append(
                Row((each.label, str(this.number), status, values_text(this.values), reason))
            )
    if not rows:
        return None
    columns = tuple(
        Column(title, numeric=False) for title in ("model", "try", "status", "values", "reason")
    )
    left_out = len(rows) - MOST_ROWS
    notes = (f"{counted(left_out, 'more try')}.",) if left_out > 0 else ()
    return Table("Tries without a score", columns, tuple(rows[:MOST_ROWS]), notes)
