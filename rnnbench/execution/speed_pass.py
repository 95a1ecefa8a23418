"""The speed pass: one configuration at a time, in fresh processes, alone on the machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.contract.options import resolve
from rnnbench.execution.context import POLL_SECONDS
from rnnbench.execution.jobs.messages import SpeedJob
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.probes.speed.process_timings import TrialTimings, merge
from rnnbench.records.result import Status
from rnnbench.records.spec import ModelSpec, TrialSpec
from rnnbench.records.store import comparable_key, utc_now

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.context import RunContext

COMPARATOR = "lstm"
"""The model that speeds are ratios to, at the same hidden size and with its default options."""
PROCESSES = 6
"""Fresh processes that each configuration is timed in.

The fewest for which the range of their medians covers the median over processes with a probability
above 95 %.
"""
BUDGET_SECONDS = 1.0
"""Approximate time of the measurements in each process."""
LIMIT_SECONDS = 120.0


class SpeedPass:
    """Times every configuration with a finished trial and no stored speed."""

    def __init__(self, specs: Sequence[TrialSpec], context: RunContext) -> None:
        self._context = context
        self._specs = specs

    def run(self) -> None:
        """Wait for the exclusive lock on the machine, then measure the missing speeds."""
        missing = self._missing()
        if not missing:
            return
        say = self._context.view.say
        if COMPARATOR not in self._context.registry.models:
            say(f"speed is not measured: the comparator, model {COMPARATOR!r}, is not available")
            return
        with self._context.lock.exclusive() as acquired:
            if not acquired():
                say("waiting for the running trials of other rnnbench runs on this machine")
                while not acquired():
                    self._context.processes.poll(POLL_SECONDS)
                    if self._must_stop(len(missing)):
                        return
            say(f"measuring the speed of {len(missing)} configurations, alone on the machine")
            for measured, spec in enumerate(missing):
                if self._must_stop(len(missing) - measured):
                    return
                self._measure(spec)

    def _must_stop(self, left: int) -> bool:
        if self._context.interruption.count:
            return True
        if self._context.out_of_time():
            self._context.view.say(
                f"the speed of {left} configurations was not measured (--max-time); "
                "the same command measures it"
            )
            return True
        return False

    def _missing(self) -> list[TrialSpec]:
        store = self._context.store
        statuses, known = store.statuses(), store.speeds()
        missing: dict[str, TrialSpec] = {}
        for spec in self._specs:
            if statuses.get(spec.trial_id) is Status.DONE and spec.speed_id not in missing:
                environment = store.environment_of(spec.trial_id)
                if environment is None or (spec.speed_id, comparable_key(environment)) not in known:
                    missing[spec.speed_id] = spec
        return list(missing.values())

    def _measure(self, spec: TrialSpec) -> None:
        parts: list[TrialTimings] = []
        for _ in range(PROCESSES):
            timings = self._time(spec)
            if timings is None:
                return
            parts.append(timings)
        self._context.store.add_speed(spec, merge(parts, comparator=COMPARATOR), utc_now())

    def _time(self, spec: TrialSpec) -> TrialTimings | None:
        """Time a configuration in a fresh process; ``None`` if that failed or was interrupted."""
        context = self._context
        job = speed_job(
            spec, context.registry, device=context.device, memory=context.options.memory
        )
        outcome = self._context.run_to_end(job, LIMIT_SECONDS)
        if isinstance(outcome.result, TrialTimings):
            return outcome.result
        if outcome.killed != "interrupted":
            why = f"took over {LIMIT_SECONDS:.0f} s" if outcome.killed else outcome.problem
            self._context.view.say(f"the speed of {spec.model.label} could not be measured: {why}")
        return None


def speed_job(
    spec: TrialSpec, registry: Registry, *, device: str = "cpu", memory: int | None = None
) -> SpeedJob:
    """Return the job that times a trial's network in turn with the comparator's."""
    comparator = spec.model_copy(update={"model": _comparator(spec, registry)})
    return SpeedJob(
        plugins=plugins_for([spec, comparator], registry),
        device=device,
        memory=memory,
        spec=spec,
        comparator=comparator,
        plain_loop=_plain_loop(spec, registry),
        comparator_plain_loop=_plain_loop(comparator, registry),
        budget_seconds=BUDGET_SECONDS,
    )


def _comparator(spec: TrialSpec, registry: Registry) -> ModelSpec:
    model = registry.model(COMPARATOR)
    return ModelSpec(
        name=model.name,
        provider=model.provider,
        source=model.source,
        hidden_size=spec.model.hidden_size,
        causal=model.causal,
        options=resolve(COMPARATOR, model.options, {}),
    )


def _plain_loop(spec: TrialSpec, registry: Registry) -> TrialSpec | None:
    """Return the trial with the plain loop that its model declares, if it declares one."""
    options = registry.model(spec.model.name).plain_loop
    if options is None:
        return None
    model = spec.model.model_copy(update={"options": {**spec.model.options, **options}})
    return spec.model_copy(update={"model": model})
