"""A view that shows nothing and remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rnnbench.records.result import Result
from rnnbench.records.spec import TrialSpec


@dataclass
class SilentView:
    """Remembers; ``on_start`` is called with each trial that starts."""

    said: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    on_start: Callable[[TrialSpec], None] | None = None
    progress: list[tuple[str, int, float]] = field(default_factory=list)

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        self.said.append(f"{trials} {stored} {jobs}")

    def started(self, spec: TrialSpec) -> None:
        self.begun.append(spec.trial_id)
        if self.on_start:
            self.on_start(spec)

    def running(
        self, jobs: Sequence[tuple[TrialSpec, tuple[int, float] | None]], seconds_left: float | None
    ) -> None:
        del seconds_left
        self.progress += [(spec.model.name, *told) for spec, told in jobs if told]

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        self.said.append(f"{spec.model.name} {result.status} after {seconds:.0f} s")

    def say(self, text: str) -> None:
        self.said.append(text)

    def end(self) -> None:
        self.said.append("end")
