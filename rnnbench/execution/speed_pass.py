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
    from rnnbench.execution.context import RunContext
    from rnnbench.records.result import Speed

COMPARATOR = "lstm"
"""The model that speeds are ratios to, at the same hidden size and with its default options."""
PROCESSES = 3
"""Fresh processes that each configuration is timed in."""
BUDGET_SECONDS = 2.0
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
        self._context.store.add_speed(spec, _merged(parts), utc_now())

    def _time(self, spec: TrialSpec) -> TrialTimings | None:
        """Time a configuration in a fresh process; ``None`` if that failed or was interrupted."""
        comparator = self._comparator(spec)
        job = SpeedJob(
            plugins=plugins_for([spec, comparator], self._context.registry),
            device=self._context.device,
            memory=self._context.options.memory,
            spec=spec,
            comparator=comparator,
            budget_seconds=BUDGET_SECONDS,
        )
        outcome = self._context.run_to_end(job, LIMIT_SECONDS)
        if isinstance(outcome.result, TrialTimings):
            return outcome.result
        if outcome.killed != "interrupted":
            why = f"took over {LIMIT_SECONDS:.0f} s" if outcome.killed else outcome.problem
            self._context.view.say(f"the speed of {spec.model.label} could not be measured: {why}")
        return None

    def _comparator(self, spec: TrialSpec) -> TrialSpec:
        model = self._context.registry.model(COMPARATOR)
        comparator = ModelSpec(
            name=model.name,
            provider=model.provider,
            source=model.source,
            hidden_size=spec.model.hidden_size,
            causal=model.causal,
            options=resolve(COMPARATOR, model.options, {}),
        )
        return spec.model_copy(update={"model": comparator})


def _merged(parts: Sequence[TrialTimings]) -> Speed:
    return merge(
        [part.timings for part in parts],
        comparator=COMPARATOR,
        length=parts[0].length,
        environment=parts[0].environment,
    )
