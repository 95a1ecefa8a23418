"""A view that shows nothing and records its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rnnbench.execution.progress import Running
from rnnbench.records.result import Result
from rnnbench.records.spec import TrialSpec


@dataclass
class SilentView:
    """Records its calls; ``on_start`` is called with each trial that starts."""

    said: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    on_start: Callable[[TrialSpec], None] | None = None
    expected: tuple[int, int] = (0, 0)
    progress: list[tuple[str, int, float]] = field(default_factory=list)

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        self.said.append(f"{trials} {stored} {jobs}")

    def expect(self, trials: int, stored: int) -> None:
        self.expected = (trials, stored)

    def started(self, spec: TrialSpec) -> None:
        self.begun.append(spec.trial_id)
        if self.on_start:
            self.on_start(spec)

    def running(self, jobs: Running, seconds_left: float | None) -> None:
        del seconds_left
        self.progress += [(spec.model.name, at.step, at.loss) for spec, at in jobs if at]

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        self.said.append(f"{spec.model.name} {result.status} after {seconds:.0f} s")

    def say(self, text: str) -> None:
        self.said.append(text)

    def end(self) -> None:
        self.said.append("end")
