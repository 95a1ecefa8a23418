"""The contract of one model, checked before its trials: a score needs a model that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.execution.jobs.trial import declined
from rnnbench.testing.model.checks import breaches
from rnnbench.testing.model.subject import ModelUnderTest

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.jobs.messages import ContractJob


def check_contract(job: ContractJob, registry: Registry) -> tuple[str, ...]:
    """Return what the model breaks of the contract, one line each.

    Empty for a model that declines the task, and for one that cannot be built: its trials record
    the reason.
    """
    model = registry.model(job.spec.model.name)
    task = registry.task(job.spec.task.name).build(job.spec.task.options)
    if declined(model, task, job.spec.model.options):
        return ()
    options, size = job.spec.model.options, job.spec.model.hidden_size
    small = ModelUnderTest(model, options)
    # Some models take certain sizes only, for example multiples of their number of heads.
    for subject in (small, ModelUnderTest(model, options, hidden_size=size)):
        try:
            subject.core()
        # The trial itself records it.
        except Exception:
            continue
        return tuple(f"{broken.name}: {broken.message}" for broken in breaches(subject))
    return ()
