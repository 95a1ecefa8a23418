"""Which checks a model has to pass."""

from __future__ import annotations

from collections.abc import Callable

from rnnbench.testing.model import module as module
from rnnbench.testing.model import sequence as sequence
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import CheckResult, run_all

_EVERY_MODEL: tuple[Callable[[ModelUnderTest], None], ...] = (
    sequence.outputs_have_the_declared_shape,
    sequence.the_input_is_left_unchanged,
    sequence.the_state_is_made_of_tensors,
    sequence.no_state_starts_fresh,
    sequence.sequences_do_not_mix,
    module.the_gradient_reaches_the_first_step,
    module.every_parameter_gets_a_gradient,
    module.one_seed_makes_one_model,
    module.evaluation_is_deterministic,
    module.the_seed_is_left_to_the_caller,
    module.double_precision_works,
    module.saved_weights_restore_the_model,
    module.a_copy_stands_alone,
)
_CAUSAL = (
    sequence.the_future_does_not_reach_the_past,
    sequence.the_state_carries_the_sequence_on,
    sequence.the_state_is_not_written_into,
    sequence.the_gradient_flows_through_the_state,
)
_NON_CAUSAL = (sequence.padding_reaches_no_valid_step, sequence.full_lengths_change_nothing)


def it_can_be_built(subject: ModelUnderTest) -> None:
    """``core(input_size, hidden_size, **options)`` gives a module."""
    subject.core()


def results(subject: ModelUnderTest) -> list[CheckResult]:
    """Run every check that applies to the model; where it cannot be built, that is the only one."""
    built = run_all([it_can_be_built], subject)
    if not built[0].passed:
        return built
    checks = [*_EVERY_MODEL, *(_CAUSAL if subject.model.causal else _NON_CAUSAL)]
    core = subject.core()
    if hasattr(core, "forward_last"):
        checks.append(sequence.forward_last_ignores_padding)
        if subject.model.causal:
            checks.append(sequence.forward_last_is_the_last_valid_output)
    if hasattr(core, "plots"):
        checks.append(module.plots_are_plots)
    return built + run_all(checks, subject)
