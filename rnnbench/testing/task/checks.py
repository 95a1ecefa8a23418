"""The checks of a task, by kind of task."""

from __future__ import annotations

from collections.abc import Callable

from rnnbench.contract.task import GeneratedTask
from rnnbench.testing.outcome import CheckResult, run_all
from rnnbench.testing.task import data, declaration, scores
from rnnbench.testing.task.subject import TaskUnderTest

_DECLARATION: tuple[Callable[[TaskUnderTest], None], ...] = (
    declaration.it_is_frozen,
    declaration.constants_are_not_options,
    declaration.spaces_and_steps_are_declared,
    declaration.a_stateful_task_has_consecutive_windows,
    declaration.the_version_is_a_number,
    declaration.citations_are_given,
    declaration.the_metric_is_declared,
    declaration.scores_are_in_order,
    declaration.simple_scores_are_numbers,
    declaration.presets_are_valid,
    declaration.published_values_are_valid,
)
_GENERATED = (
    data.any_number_of_sequences_can_be_drawn,
    data.all_randomness_comes_from_the_generator,
    data.the_generator_advances,
    data.sequences_are_drawn_independently,
)
_FINITE = (data.splits_are_the_same_at_every_call, data.splits_are_disjoint)
_SCORES = (
    scores.the_loss_is_finite,
    scores.the_metric_is_a_weighted_mean,
    scores.predicting_the_targets_is_perfect,
    scores.constant_predictions_do_not_beat_the_baseline,
    scores.the_diagnosis_is_well_formed,
    scores.published_scores_exist,
)


def it_can_be_built(subject: TaskUnderTest) -> None:
    """The task accepts its options."""
    subject.build()


def results(subject: TaskUnderTest) -> list[CheckResult]:
    """Run every check that applies to the task, except those that need what a failed one checks."""
    found = run_all([it_can_be_built], subject)
    if not found[-1].passed:
        return found
    found += run_all(_DECLARATION, subject)
    form = run_all([data.batches_have_the_declared_form], subject)
    if not form[0].passed:
        return found + form
    drawn = _GENERATED if isinstance(subject.task, GeneratedTask) else _FINITE
    return found + form + run_all(drawn, subject) + run_all(_SCORES, subject)
