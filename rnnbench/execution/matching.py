"""Equal budgets: replace the hidden sizes of trials by those that make a quantity equal.

Plugins are foreign code, so that their networks are built in processes of their own. All models of
a task share one; where it crashes or takes too long, each model gets its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.errors import UsageError
from rnnbench.execution.context import POLL_SECONDS
from rnnbench.execution.environment import available_cores
from rnnbench.execution.jobs.messages import KnownWidth, Width, WidthJob, Widths
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.execution.lock import MachineLock
from rnnbench.plan.matching import Match
from rnnbench.plan.planning import reference_model
from rnnbench.records.base import content_hash
from rnnbench.records.spec import EQUAL_WITHIN, Matched, TrialSpec

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.isolation import Outcome, Processes, RunningJob
    from rnnbench.records.result import Record

LIMIT_SECONDS = 60.0
"""Limit of one process, in which the networks of one task are built and none is trained."""


@dataclass(frozen=True)
class Matching:
    """What :meth:`resized` needs beside the trials.

    Attributes:
        match: the target.
        registry: the plugins.
        processes: the processes that networks are built in.
        warn: called with each line on a model that has another size than the target.
        device: that the trials run on, for training times.
        memory: limit of a process in bytes.
        store: that holds the hidden sizes of earlier runs, for training times.
        limit: seconds that a process may take.
    """

    match: Match
    registry: Registry
    processes: Processes
    warn: Callable[[str], None]
    device: str = "cpu"
    memory: int | None = None
    store: Path | None = None
    limit: float = LIMIT_SECONDS

    def resized(self, specs: Sequence[TrialSpec]) -> dict[str, TrialSpec]:
        """Return each trial at the hidden size nearest to the target, by its id at the given size.

        Only the hidden size is changed, and how it was chosen is noted. A model that declines its
        task keeps its hidden size; so does one whose network cannot be built at any size, with a
        warning, since its trial records the reason.

        Raises:
            UsageError: a target that a model cannot come within 5 % of, because it is below its
                smallest or above its largest value; a mistake in an option of a task.
        """
        asked = list({_key(spec): spec for spec in specs}.values())
        groups: dict[str, list[TrialSpec]] = {}
        for spec in asked:
            groups.setdefault(f"{spec.task.task_id} {spec.settings}", []).append(spec)
        found: dict[str, tuple[Width, float | None]] = {}
        timed = self.match.quantity == "time"
        with self._alone() if timed else contextlib.nullcontext():
            jobs = [job for group in groups.values() for job in self._jobs(group)]
            at_a_time = 1 if timed else available_cores()
            for job, result in self._run(jobs, at_a_time):
                for spec, width in zip(job.specs, result.widths, strict=False):
                    found[_key(spec)] = (width, result.target)
        self._refuse_mistakes([width for width, _ in found.values()])
        self._refuse_unreachable([(spec, *found[_key(spec)]) for spec in asked])
        for spec in asked:
            self._warn_of(spec, *found[_key(spec)])
        return {spec.trial_id: self._resized(spec, *found[_key(spec)]) for spec in specs}

    def _jobs(self, specs: Sequence[TrialSpec]) -> list[WidthJob]:
        """Return the jobs for trials of one task and its settings."""
        reference = self._reference(specs[0])
        if self.match.quantity != "time":
            return [self._job(specs, self.match.value, reference)]
        known = self._known(specs[0])
        target = self.match.value
        if target is None:
            # Once for all models, since it is measured.
            job = self._job((), None, reference, [each for each, _ in known])
            (_, measured), *_ = self._run([job], 1)
            self._refuse_mistakes(measured.widths)
            target = measured.target
        return [
            self._job(
                [spec],
                target,
                reference,
                [each for each, key in known if key == _time_key(spec)],
            )
            for spec in specs
        ]

    def _reference(self, spec: TrialSpec) -> TrialSpec | None:
        model = reference_model(self.match, self.registry, spec.model.hidden_size)
        return None if model is None else spec.model_copy(update={"model": model})

    def _job(
        self,
        specs: Sequence[TrialSpec],
        target: float | None,
        reference: TrialSpec | None,
        known: Sequence[KnownWidth] = (),
    ) -> WidthJob:
        needed = [*specs, *([] if reference is None else [reference])]
        return WidthJob(
            plugins=plugins_for(needed, self.registry),
            device=self.device,
            memory=self.memory,
            quantity=self.match.quantity,
            target=target,
            reference=reference,
            specs=tuple(specs),
            known=tuple(known),
        )

    def _run(self, jobs: Sequence[WidthJob], at_a_time: int) -> list[tuple[WidthJob, Widths]]:
        waiting = list(jobs)
        running: dict[RunningJob, WidthJob] = {}
        done: list[tuple[WidthJob, Widths]] = []
        try:
            while waiting or running:
                while waiting and len(running) < at_a_time:
                    job = waiting.pop(0)
                    running[self.processes.start(job, limit=self.limit)] = job
                for ended, outcome in self.processes.poll(POLL_SECONDS):
                    if ended not in running:
                        continue
                    job = running.pop(ended)
                    if isinstance(outcome.result, Widths):
                        done.append((job, outcome.result))
                    elif len(job.specs) > 1:
                        waiting += [job.model_copy(update={"specs": (s,)}) for s in job.specs]
                    else:
                        done.append((job, _failed(outcome, self.limit)))
        finally:
            for left in running:
                self.processes.stop(left, at_once=True)
        return done

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other run trains on this machine, and let none start meanwhile."""
        with contextlib.closing(MachineLock()) as lock, lock.exclusive() as acquired:
            while not acquired():
                self.processes.poll(POLL_SECONDS)
            yield

    def _known(self, spec: TrialSpec) -> list[tuple[KnownWidth, str]]:
        """Return the hidden sizes that earlier runs chose for the same question."""
        return [
            (
                KnownWidth(
                    hidden_size=record.spec.model.hidden_size,
                    matched=record.spec.model.matched,
                    environment=record.result.environment,
                ),
                _time_key(record.spec),
            )
            for record in _records(self.store)
            if record.spec.model.matched is not None
            and record.result.environment is not None
            and record.spec.task.task_id == spec.task.task_id
            and self._asks_the_same(record.spec.model.matched)
        ]

    def _asks_the_same(self, matched: Matched) -> bool:
        return matched.quantity == self.match.quantity and (
            matched.asked == self.match.asked or matched.target == self.match.value
        )

    def _resized(self, spec: TrialSpec, width: Width, target: float | None) -> TrialSpec:
        if width.hidden_size is None or target is None:
            return spec
        matched = Matched(
            quantity=self.match.quantity,
            target=target,
            asked=self.match.asked,
            achieved=width.achieved,
        )
        changed = {"hidden_size": width.hidden_size, "matched": matched}
        return spec.model_copy(update={"model": spec.model.model_copy(update=changed)})

    def _refuse_mistakes(self, widths: Sequence[Width]) -> None:
        mistakes = list(dict.fromkeys(width.mistake for width in widths if width.mistake))
        if mistakes:
            more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
            raise UsageError(mistakes[0] + more)

    def _refuse_unreachable(self, found: Sequence[tuple[TrialSpec, Width, float | None]]) -> None:
        sized = [(s, w, t) for s, w, t in found if w.hidden_size is not None and t is not None]
        too_low = [(s, w) for s, w, t in sized if w.low > t * (1 + EQUAL_WITHIN)]
        too_high = [(s, w) for s, w, t in sized if w.high < t * (1 - EQUAL_WITHIN)]
        for beyond, bound, what, word in (
            (too_low, max, "at least", "smallest"),
            (too_high, min, "at most", "largest"),
        ):
            if not beyond:
                continue
            values = [(w.low if word == "smallest" else w.high, s) for s, w in beyond]
            value, spec = bound(values, key=lambda each: each[0])
            named = ", ".join(sorted({s.model.label for s, _ in beyond}))
            raise UsageError(
                f"{self.match} is out of reach of {named}: on {spec.task.label} the {word} value "
                f"of {spec.model.label} is {value:,.6g}; give {what} that, or leave out "
                f"{'this model' if len(values) == 1 else 'these models'}."
            )

    def _warn_of(self, spec: TrialSpec, width: Width, target: float | None) -> None:
        where = f"{spec.model.label} on {spec.task.label}"
        if width.problem:
            self.warn(
                f"{self.match}: {where} keeps hidden_size={spec.model.hidden_size}, since no other "
                f"could be found: {width.problem}"
            )
        elif width.hidden_size is not None and target is not None:
            error = width.achieved / target - 1
            if abs(error) > EQUAL_WITHIN:
                self.warn(
                    f"{self.match}: {where} comes no nearer than {100 * error:+.1f} % "
                    f"(hidden_size={width.hidden_size}); the report marks it"
                )


def _failed(outcome: Outcome, limit: float) -> Widths:
    if outcome.failure is not None and outcome.failure.usage:
        return Widths(widths=(Width(mistake=outcome.failure.error),))
    why = f"took over {limit:g} s" if outcome.killed else outcome.problem
    return Widths(widths=(Width(problem=why),))


def _key(spec: TrialSpec) -> str:
    return f"{spec.task.task_id} {spec.settings} {spec.model.model_dump_json()}"


def _time_key(spec: TrialSpec) -> str:
    """Return what the training time of a model on a task depends on besides the hidden size."""
    model = spec.model.model_copy(update={"hidden_size": 1})
    return content_hash([spec.model_copy(update={"model": model}).speed_id, spec.settings.steps])


def _records(store: Path | None) -> list[Record]:
    from rnnbench.records.store import Store

    if store is None or not os.path.exists(store):  # noqa: PTH110 - false for any impossible name
        return []
    with Store(store, must_exist=True) as opened:
        return opened.records()
