"""The checks of a model, by kind of model."""

from __future__ import annotations

from collections.abc import Callable

from rnnbench.testing.model import block, cell, module, plain_loop, sequence, training
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import CheckResult, run_all

_EVERY_MODEL: tuple[Callable[[ModelUnderTest], None], ...] = (
    sequence.outputs_have_the_declared_shape,
    sequence.the_input_is_left_unchanged,
    sequence.the_state_is_made_of_tensors,
    sequence.state_none_is_a_fresh_state,
    sequence.sequences_do_not_mix,
    module.the_gradient_reaches_the_first_step,
    module.every_parameter_gets_a_gradient,
    module.equal_seeds_build_equal_models,
    module.evaluation_is_deterministic,
    module.the_core_sets_no_seed,
    module.double_precision_works,
    module.saved_weights_restore_the_model,
    module.a_deep_copy_is_independent,
    module.no_tensors_are_kept_between_calls,
)
_CAUSAL = (
    sequence.the_future_does_not_reach_the_past,
    sequence.the_returned_state_continues_the_sequence,
    sequence.the_given_state_is_left_unchanged,
    sequence.the_gradient_flows_through_the_state,
)
_PLAIN_LOOP = (
    plain_loop.the_plain_loop_computes_the_same,
    plain_loop.the_plain_loop_is_a_loop_in_python,
)
_AFTER_STEP = (
    training.after_step_leaves_finite_parameters,
    training.after_step_twice_is_after_step_once,
)
_NON_CAUSAL = (sequence.padding_reaches_no_valid_step, sequence.full_lengths_equal_no_lengths)
_FIGURES_ONLY = (
    *_PLAIN_LOOP,
    module.the_gradient_reaches_the_first_step,
    module.double_precision_works,
    module.a_deep_copy_is_independent,
    module.no_tensors_are_kept_between_calls,
    module.plots_are_valid,
    sequence.the_gradient_flows_through_the_state,
    cell.the_step_can_be_compiled,
)
"""Checks whose breach costs figures or memory; the score is valid."""


def it_can_be_built(subject: ModelUnderTest) -> None:
    """``core(input_size, hidden_size, **options)`` returns a module."""
    subject.core()


def results(subject: ModelUnderTest) -> list[CheckResult]:
    """Run every check that applies to the model.

    Only the first ones run if it cannot be built, or if the step of its cell cannot be used: the
    others would repeat that. A model that keeps the contract by itself is checked in a block too.
    """
    built = run_all([it_can_be_built], subject)
    if built[0].passed and cell.is_cell(subject.core()):
        built += run_all([cell.the_step_returns_an_output_and_a_state], subject)
    if not built[-1].passed:
        return built
    alone = run_all(_checks_of(subject), subject)
    if not all(result.passed for result in alone):
        return built + alone
    in_block = (
        block.the_returned_state_continues_the_sequence_in_a_block
        if subject.model.causal
        else block.padding_reaches_no_valid_step_in_a_block
    )
    return built + alone + run_all([in_block], subject)


def breaches(subject: ModelUnderTest) -> list[CheckResult]:
    """Run the checks that a score rests on; return those that failed.

    They take 0.03 to 0.2 s for the models that come with rnnbench.
    """
    checks = [check for check in _checks_of(subject) if check not in _FIGURES_ONLY]
    if cell.is_cell(subject.core()):
        step = run_all([cell.the_step_returns_an_output_and_a_state], subject)
        if not step[0].passed:
            return step
    return [result for result in run_all(checks, subject) if not result.passed]


def _checks_of(subject: ModelUnderTest) -> list[Callable[[ModelUnderTest], None]]:
    checks = [*_EVERY_MODEL, *(_CAUSAL if subject.model.causal else _NON_CAUSAL)]
    core = subject.core()
    if hasattr(core, "forward_last"):
        checks.append(sequence.forward_last_ignores_padding)
        if subject.model.causal:
            checks.append(sequence.forward_last_is_the_last_valid_output)
    if hasattr(core, "parameter_groups"):
        checks.append(training.the_parameter_groups_are_valid)
    if hasattr(core, "after_step"):
        checks += _AFTER_STEP
    if hasattr(core, "plots"):
        checks.append(module.plots_are_valid)
    if cell.is_compiled_cell(core):
        checks.append(cell.the_step_can_be_compiled)
    if subject.model.plain_loop is not None:
        checks += _PLAIN_LOOP
    return checks
