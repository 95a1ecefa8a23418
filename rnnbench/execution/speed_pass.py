"""The speed pass: one configuration at a time, in fresh processes, with nothing else of rnnbench
running on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.contract.options import resolve
from rnnbench.errors import one_line
from rnnbench.execution.isolation.preload import modules_for
from rnnbench.execution.sweep import POLL_SECONDS
from rnnbench.probes.speed.process_timings import TrialTimings, merge
from rnnbench.records.result import Status
from rnnbench.records.spec import ModelSpec, TrialSpec
from rnnbench.records.store import comparable_key, utc_now

if TYPE_CHECKING:
    from rnnbench.execution.context import Session
    from rnnbench.records.result import Speed

REFERENCE = "lstm"
"""What every speed is a ratio to: this model at the same hidden size, with its default options."""
PROCESSES = 3
"""Fresh processes that each configuration is timed in."""
BUDGET_SECONDS = 2.0
"""Of timing in each of them, about."""
LIMIT_SECONDS = 120.0


class SpeedPass:
    """Times every configuration that the store has a finished trial of and no speed for."""

    def __init__(self, specs: Sequence[TrialSpec], session: Session) -> None:
        self._session = session
        self._specs = specs

    def run(self) -> None:
        """Wait for the machine, then measure what is missing."""
        missing = self._missing()
        if not missing:
            return
        if REFERENCE not in self._session.registry.models:
            self._session.view.say(
                f"speed is not measured: its reference, model {REFERENCE!r}, is not available"
            )
            return
        with self._session.machine.waiting_alone() as alone:
            if not alone.ready():
                self._session.view.say(
                    "waiting for other rnnbench runs on this machine to finish what they are running"
                )
                while not alone.ready():
                    self._session.processes.poll(POLL_SECONDS)
                    if self._session.interruption.count:
                        return
                    if self._session.out_of_time():
                        self._say_left(len(missing))
                        return
            self._session.view.say(
                f"measuring the speed of {len(missing)} configurations, alone on the machine"
            )
            for measured, spec in enumerate(missing):
                if self._session.interruption.count:
                    return
                if self._session.out_of_time():
                    self._say_left(len(missing) - measured)
                    return
                self._measure(spec)

    def _say_left(self, count: int) -> None:
        self._session.view.say(
            f"the speed of {count} configurations was not measured (--max-time); the same command measures it"
        )

    def _missing(self) -> list[TrialSpec]:
        statuses = self._session.store.statuses()
        known = self._session.store.speeds()
        missing: dict[str, TrialSpec] = {}
        for spec in self._specs:
            if statuses.get(spec.trial_id) is Status.DONE and spec.speed_id not in missing:
                environment = self._session.store.environment_of(spec.trial_id)
                if environment is None or (spec.speed_id, comparable_key(environment)) not in known:
                    missing[spec.speed_id] = spec
        return list(missing.values())

    def _measure(self, spec: TrialSpec) -> None:
        parts: list[TrialTimings] = []
        for _ in range(PROCESSES):
            timings = self._in_a_process(spec)
            if timings is None:
                return
            parts.append(timings)
        self._session.store.add_speed(spec, _merged(parts), utc_now())

    def _in_a_process(self, spec: TrialSpec) -> TrialTimings | None:
        reference = self._reference(spec)
        job = self._session.processes.start(
            "speed",
            {
                "kind": "speed",
                "spec": spec.model_dump(mode="json"),
                "reference": reference.model_dump(mode="json"),
                "plugins": modules_for([spec, reference], self._session.registry),
                "device": self._session.options.device,
                "budget_seconds": BUDGET_SECONDS,
                "memory": self._session.options.memory,
            },
            limit=LIMIT_SECONDS,
            memory=self._session.options.memory,
        )
        while True:
            for ended, outcome in self._session.processes.poll(POLL_SECONDS):
                if ended is not job:
                    continue
                if outcome.result is None:
                    if outcome.killed != "interrupted":
                        reason = outcome.error or (
                            f"took over {LIMIT_SECONDS:.0f} s" if outcome.killed else outcome.ending
                        )
                        self._session.view.say(
                            f"the speed of {spec.model.label} could not be measured: {one_line(reason)}"
                        )
                    return None
                return TrialTimings.model_validate_json(outcome.result)
            if self._session.interruption.count:
                self._session.processes.kill(job, "interrupted")

    def _reference(self, spec: TrialSpec) -> TrialSpec:
        model = self._session.registry.model(REFERENCE)
        reference = ModelSpec(
            name=model.name,
            provider=model.provider,
            hidden_size=spec.model.hidden_size,
            causal=model.causal,
            options=resolve(REFERENCE, model.options, {}),
        )
        return spec.model_copy(update={"model": reference})


def _merged(parts: Sequence[TrialTimings]) -> Speed:
    return merge(
        [part.timings for part in parts],
        comparator=REFERENCE,
        length=parts[0].length,
        environment=parts[0].environment,
    )
