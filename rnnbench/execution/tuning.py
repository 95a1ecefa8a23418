"""The tuning of a run: hands out the tries of its studies, then the trials with chosen recipes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rnnbench.analysis.tuning.studies import best_number, scored, try_of
from rnnbench.execution.sampling import Told, extremes, fixed_tries, next_try
from rnnbench.records.result import Status
from rnnbench.records.store import runs_again

if TYPE_CHECKING:
    from rnnbench.plan.tuning import StudyPlan
    from rnnbench.records.result import Record, Result, Validated
    from rnnbench.records.spec import TrialSpec
    from rnnbench.records.store import Store


class Tuning:
    """The studies of a run.

    Args:
        plans: the studies.
        store: holds the tries of earlier runs.
        retry: statuses whose tries run once more.
        jobs: trials at a time, the number of tries that TPE proposes at once.
        say: shows a line.
    """

    def __init__(
        self,
        plans: Sequence[StudyPlan],
        store: Store,
        retry: frozenset[Status] = frozenset(),
        jobs: int = 1,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        tries = store.records(purpose="tuning") if plans else []
        known: dict[str, dict[int, Record]] = {}
        for record in tries:
            known.setdefault(try_of(record).study, {})[try_of(record).number] = record
        self._studies = {
            plan.study_id: _Running(plan, known.get(plan.study_id, {}), retry, jobs, say)
            for plan in plans
        }

    @property
    def left(self) -> int:
        """The number of trials that have not been handed out: tries, and those they lead to."""
        return sum(study.left for study in self._studies.values())

    @property
    def tries(self) -> list[TrialSpec]:
        """The tries that are stored or were handed out."""
        return [spec for study in self._studies.values() for spec in study.tries]

    @property
    def chosen(self) -> list[TrialSpec]:
        """The reported trials with chosen recipes, of the studies that have ended."""
        return [spec for study in self._studies.values() for spec in study.chosen]

    def due(self) -> list[TrialSpec]:
        """Return the trials that can run now and were not returned before."""
        return [spec for study in self._studies.values() for spec in study.due()]

    def checked(self) -> list[TrialSpec]:
        """Return trials to check in advance in place of tries whose values are not known yet."""
        return [spec for study in self._studies.values() for spec in study.checked()]

    def note(self, spec: TrialSpec, result: Result) -> None:
        """Note how a trial ended; one that is no try is ignored."""
        if spec.tuning is not None and spec.tuning.study in self._studies:
            self._studies[spec.tuning.study].note(spec, result)

    def prunes(self, spec: TrialSpec, validated: Validated | None) -> bool:
        """Return whether a running try should be ended, after the validations that it has made."""
        if spec.tuning is None or validated is None or spec.tuning.study not in self._studies:
            return False
        return self._studies[spec.tuning.study].prunes(spec, validated)


class _Running:
    """One study."""

    def __init__(
        self,
        plan: StudyPlan,
        known: dict[int, Record],
        retry: frozenset[Status],
        jobs: int,
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._jobs, self._say = plan, jobs, say
        # By number. The values of a stored try are those in the store: another version of Optuna
        # may propose others.
        self._specs = {n: record.spec for n, record in known.items() if n < plan.tries}
        self._open = {n for n in self._specs if runs_again(known[n].result.status, retry)}
        self._results = {n: known[n].result for n in self._specs if n not in self._open}
        self._handed = set(self._results)
        self._settled = False
        self.chosen: list[TrialSpec] = []
        self._pruning = None
        if plan.pruner != "none":
            from rnnbench.execution.pruning import Pruning

            self._pruning = Pruning(plan)
            for number in sorted(self._results):
                self._pruning.ended(self._specs[number], self._results[number])

    @property
    def tries(self) -> list[TrialSpec]:
        return [self._specs[number] for number in sorted(self._handed)]

    @property
    def left(self) -> int:
        later = 0 if self._settled else len(self._plan.reported)
        return self._plan.tries - len(self._handed) + later

    def checked(self) -> list[TrialSpec]:
        ended = len(self._results) == self._plan.tries
        return extremes(self._plan) if self._plan.sampler == "tpe" and not ended else []

    def due(self) -> list[TrialSpec]:
        if self._settled:
            return []
        if len(self._results) == self._plan.tries:
            self._settle()
            return self.chosen
        if self._plan.sampler != "tpe":
            if len(self._handed) == self._plan.tries:
                return []
            for number, spec in enumerate(fixed_tries(self._plan)):
                self._specs.setdefault(number, spec)
            return self._hand_out(range(self._plan.tries))
        if self._handed - set(self._results):
            return []  # the round is running
        return self._hand_out(self._next_round())

    def _next_round(self) -> list[int]:
        waiting = [n for n in range(self._plan.tries) if n not in self._handed][: self._jobs]
        for number in waiting:
            if number not in self._specs:
                others = sorted({*self._results, *(n for n in waiting if n < number)})
                told = [Told(self._specs[n], self._results.get(n)) for n in others]
                self._specs[number] = next_try(self._plan, number, told)
        return waiting

    def _hand_out(self, numbers: Sequence[int]) -> list[TrialSpec]:
        new = [number for number in numbers if number not in self._handed]
        self._handed.update(new)
        return [self._specs[number] for number in new]

    def note(self, spec: TrialSpec, result: Result) -> None:
        assert spec.tuning is not None
        if result.status is Status.INTERRUPTED:
            return  # the same command runs it again
        self._results[spec.tuning.number] = result
        if self._pruning is not None:
            self._pruning.ended(spec, result)

    def prunes(self, spec: TrialSpec, validated: Validated) -> bool:
        return self._pruning is not None and self._pruning.prunes(spec, validated)

    def _settle(self) -> None:
        self._settled = True
        best = best_number(self._results.items())
        where = f"{self._plan.base.model.label} on {self._plan.base.task.label}"
        if best is None:
            if any(r.status is not Status.INCOMPATIBLE for r in self._results.values()):
                self._say(
                    f"tuning of {where}: none of the {self._plan.tries} tries has a validation "
                    "score; the default recipe alone is reported"
                )
            if self._plan.tuned_only:
                self.chosen = list(self._plan.reported)
            return
        tried = self._specs[best]
        kept = scored(self._results[best])
        assert tried.tuning is not None
        assert kept is not None
        self._say(
            f"tuning of {where}: {tried.tuning.label} is chosen (try {best} of {self._plan.tries}, "
            f"validation {kept.score_name} {kept.best_score:.4g})"
        )
        self.chosen = self._plan.chosen(tried)
