"""The speed pass: one configuration at a time, in fresh processes, alone on the machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from rnnbench.contract.options import resolve
from rnnbench.errors import UsageError
from rnnbench.execution.context import POLL_SECONDS
from rnnbench.execution.jobs.messages import SpeedJob
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.execution.matching import Matching
from rnnbench.plan.matching import parse_match
from rnnbench.probes.speed.process_timings import TrialTimings, merge
from rnnbench.records.base import content_hash
from rnnbench.records.result import Status
from rnnbench.records.spec import Matched, ModelSpec, TrialSpec
from rnnbench.records.store import comparable_key, utc_now

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.context import RunContext
    from rnnbench.records.speed import Speed

COMPARATOR = "lstm"
"""The model that speeds are ratios to, with its default options.

It has the model's hidden size, or the one that the model's target of ``--match`` gives it, so that
the ratios of all models at one target are comparable.
"""
PROCESSES = 6
"""Fresh processes that each configuration is timed in.

The fewest for which the range of their medians covers the median over processes with a probability
above 95 %.
"""
BUDGET_SECONDS = 1.0
"""Approximate time of the measurements in each process."""
LIMIT_SECONDS = 120.0


_Place: TypeAlias = tuple[object, ...]
"""A task with the settings of the network, and a target of ``--match``."""


class SpeedPass:
    """Times every configuration with a finished trial and no stored speed."""

    def __init__(self, specs: Sequence[TrialSpec], context: RunContext) -> None:
        self._context = context
        self._specs = specs
        self._matched: dict[_Place, ModelSpec | None] = {}

    def run(self) -> None:
        """Wait for the exclusive lock on the machine, then measure the missing speeds."""
        say = self._context.view.say
        if COMPARATOR not in self._context.registry.models:
            say(f"speed is not measured: the comparator, model {COMPARATOR!r}, is not available")
            return
        missing = self._missing()
        if not missing:
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
        measured: set[str] = set()
        for spec in self._specs:
            if statuses.get(spec.trial_id) is not Status.DONE or spec.speed_id in measured:
                continue
            # seeds may have run on several machines, one of which measured the speed
            environment = store.environment_of(spec.trial_id)
            stored = environment and known.get((spec.speed_id, comparable_key(environment)))
            if stored and self._has_comparator_of(spec, stored):
                measured.add(spec.speed_id)
            else:
                missing.setdefault(spec.speed_id, spec)
        return [spec for speed_id, spec in missing.items() if speed_id not in measured]

    def _has_comparator_of(self, spec: TrialSpec, stored: Speed) -> bool:
        """Return whether a stored speed is relative to the comparator that a trial asks for."""
        wanted = self._comparator(spec)
        equal = None if wanted.matched is None else wanted.matched.quantity
        size = stored.comparator_size or spec.model.hidden_size
        return (size, stored.equal) == (wanted.hidden_size, equal)

    def _comparator(self, spec: TrialSpec) -> ModelSpec:
        """Return the comparator of a trial, at the target of the trial if it has one."""
        own = comparator_of(spec.model.hidden_size, self._context.registry)
        matched = spec.model.matched
        if matched is None:
            return own
        place = _place(spec, matched)
        if place not in self._matched:
            self._matched[place] = self._planned(own, place) or self._resized(own, spec, matched)
        return self._matched[place] or own

    def _planned(self, own: ModelSpec, place: _Place) -> ModelSpec | None:
        """Return the comparator among the trials of the run, at the target."""
        for spec in self._specs:
            model, matched = spec.model, spec.model.matched
            if (
                matched is not None
                and _place(spec, matched) == place
                and (model.name, model.options) == (own.name, own.options)
            ):
                return model
        return None

    def _resized(self, own: ModelSpec, spec: TrialSpec, matched: Matched) -> ModelSpec | None:
        """Return the comparator at the size of the target; ``None`` where it has none."""
        match = parse_match(f"{matched.quantity}={matched.asked}")
        # a measured time would change from one speed pass to the next
        if match is None or match.quantity == "time":
            return None
        trial = spec.model_copy(update={"model": own, "tuning": None})
        matching = Matching(match, self._context.registry, self._context.processes, lambda _: None)
        try:
            found = matching.resized([trial])[trial.trial_id].model
        except UsageError:
            return None
        return found if found.matched is not None else None

    def _measure(self, spec: TrialSpec) -> None:
        parts: list[TrialTimings] = []
        for _ in range(PROCESSES):
            timings = self._time(spec)
            if timings is None:
                return
            parts.append(timings)
        comparator = self._comparator(spec)
        speed = merge(
            parts,
            comparator=COMPARATOR,
            comparator_size=comparator.hidden_size,
            equal=None if comparator.matched is None else comparator.matched.quantity,
        )
        self._context.store.add_speed(spec, speed, utc_now())

    def _time(self, spec: TrialSpec) -> TrialTimings | None:
        """Time a configuration in a fresh process; ``None`` if that failed or was interrupted."""
        context = self._context
        job = speed_job(
            spec,
            context.registry,
            comparator=self._comparator(spec),
            device=context.device,
            memory=context.options.memory,
        )
        outcome = self._context.run_to_end(job, LIMIT_SECONDS)
        if isinstance(outcome.result, TrialTimings):
            return outcome.result
        if outcome.killed != "interrupted":
            why = f"took over {LIMIT_SECONDS:.0f} s" if outcome.killed else outcome.problem
            self._context.view.say(f"the speed of {spec.model.label} could not be measured: {why}")
        return None


def _place(spec: TrialSpec, matched: Matched) -> _Place:
    settings = spec.settings
    network = (settings.embedding_size, content_hash(settings.network_identity()))
    return (spec.task.task_id, *network, matched.quantity, matched.asked)


def speed_job(
    spec: TrialSpec,
    registry: Registry,
    *,
    comparator: ModelSpec | None = None,
    device: str = "cpu",
    memory: int | None = None,
) -> SpeedJob:
    """Return the job that times a trial's network in turn with the comparator's.

    ``comparator`` is the one of the trial's hidden size unless it is given.
    """
    model = comparator or comparator_of(spec.model.hidden_size, registry)
    beside = spec.model_copy(update={"model": model})
    return SpeedJob(
        plugins=plugins_for([spec, beside], registry),
        device=device,
        memory=memory,
        spec=spec,
        comparator=beside,
        plain_loop=_plain_loop(spec, registry),
        comparator_plain_loop=_plain_loop(beside, registry),
        budget_seconds=BUDGET_SECONDS,
    )


def comparator_of(hidden_size: int, registry: Registry) -> ModelSpec:
    """Return the comparator with its default options."""
    model = registry.model(COMPARATOR)
    return ModelSpec(
        name=model.name,
        provider=model.provider,
        source=model.source,
        hidden_size=hidden_size,
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
