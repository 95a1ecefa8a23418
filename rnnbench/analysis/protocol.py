"""Differences of protocol between a published result and the trials of a configuration."""

from __future__ import annotations

from collections.abc import Iterator

from rnnbench.analysis.formatting import compact, counted
from rnnbench.analysis.groups import Configuration
from rnnbench.records.published import RecordedPublished
from rnnbench.records.spec import EQUAL_WITHIN
from rnnbench.records.syntax import option_text


def differences(published: RecordedPublished, configuration: Configuration | None) -> list[str]:
    """Return the differences: those that records show, then those that are declared.

    Args:
        published: the result.
        configuration: the trials, or ``None`` where no training is compared.
    """
    computed = [] if configuration is None else list(_computed(published, configuration))
    return [*computed, *published.differences]


def _computed(published: RecordedPublished, configuration: Configuration) -> Iterator[str]:
    size, spec = configuration.size, configuration.spec
    if size is not None and published.parameters is not None:
        ratio = size.params_total / published.parameters
        if abs(ratio - 1) > EQUAL_WITHIN:
            yield (
                f"{compact(size.params_total)} parameters against about "
                f"{compact(published.parameters)}"
            )
    ours = {**spec.settings.model_dump(), "hidden_size": spec.model.hidden_size}
    for name, theirs in published.settings.items():
        if name in ours and ours[name] != theirs:
            yield f"{name} {option_text(ours[name])} against {option_text(theirs)}"
    if published.runs:
        yield f"mean of {counted(len(configuration.scores), 'seed')} against {published.runs}"
    if published.chosen_on_test:
        yield "the source chose on its test data, a trial on validation data"
    elif published.chosen_on_test is None:
        yield "the source does not state which data it chose on; a trial chooses on validation data"
