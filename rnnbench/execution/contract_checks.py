"""The contract checks before a sweep: each model once, in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.execution.context import POLL_SECONDS
from rnnbench.execution.jobs.messages import ContractJob
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.records.result import Result, Status
from rnnbench.records.syntax import with_options

if TYPE_CHECKING:
    from rnnbench.execution.context import RunContext
    from rnnbench.execution.isolation import RunningJob
    from rnnbench.records.spec import ModelSpec, TrialSpec

LIMIT_SECONDS = 60.0
"""Limit of the checks of one model; without their result its trials run unchecked."""


def broken_contracts(specs: Sequence[TrialSpec], context: RunContext) -> dict[str, Result]:
    """Check the model of each trial, every model once; return the results of those that break it.

    A model whose checks crash or take too long is not among them: its trials record how they end.

    Args:
        specs: one trial of each configuration at least.
        context: of the run; its processes are used while none of its trials runs.

    Returns:
        The result of every trial of a model, by :func:`key_of` the model.
    """
    waiting = list({key_of(spec.model): spec for spec in specs}.values())
    running: dict[RunningJob, TrialSpec] = {}
    found: dict[str, Result] = {}
    limit = min(LIMIT_SECONDS, context.options.timeout or LIMIT_SECONDS)
    while waiting or running:
        if context.interruption.count:
            waiting.clear()
            for started in running:
                context.processes.stop(started, at_once=True)
        while waiting and len(running) < context.jobs:
            spec = waiting.pop(0)
            job = ContractJob(
                plugins=plugins_for([spec], context.registry),
                # On a GPU the limit is not one of addresses, which a process of the CPU gets.
                memory=context.options.memory if context.device == "cpu" else None,
                spec=spec,
            )
            running[context.processes.start(job, limit=limit)] = spec
        for ended, outcome in context.processes.poll(POLL_SECONDS):
            checked = running.pop(ended, None)
            if checked is not None and isinstance(outcome.result, tuple) and outcome.result:
                found[key_of(checked.model)] = _result(checked.model, outcome.result)
    return found


def key_of(model: ModelSpec) -> str:
    """Return what tells models apart that are checked apart; the hidden size does not."""
    return with_options(f"{model.source} {model.name}", model.options)


def _result(model: ModelSpec, broken: Sequence[str]) -> Result:
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    hint = "" if model.code else f" To see all checks, type: rnnbench check {model.name}"
    return Result(
        status=Status.FAILED, error=f"breaks the contract: {broken[0].rstrip('.')}{more}.{hint}"
    )
