"""What is seen of a sweep: one live view on a terminal, plain timestamped lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.errors import one_line
from rnnbench.records.result import Result, Status
from rnnbench.records.spec import TrialSpec

QUIET_SECONDS = 60.0
"""A log says at least this often that trials are running, so that nobody takes a long one for a
dead one.
"""
ROWS_SHOWN = 12
"""Running trials that the live view lists; more would push each other off a small terminal."""

Running = Sequence[tuple[TrialSpec, tuple[int, float] | None]]
"""Trials with the step and the loss that each last told of."""


class _Counted:
    """The numbers that both views show."""

    def __init__(self) -> None:
        self._total = self._done = self._failed = self._stored = self._run = 0
        self._seconds_left: float | None = None

    def _expect(self, trials: int, stored: int) -> None:
        self._total, self._stored = trials, stored

    def _count(self, result: Result) -> None:
        self._run += 1
        if result.status is Status.DONE:
            self._done += 1
        elif result.status is not Status.INCOMPATIBLE:
            self._failed += 1

    def _eta(self) -> str:
        if not self._run or self._run == self._total - self._stored or self._seconds_left is None:
            return ""
        return f", about {_short(self._seconds_left)} left"

    def _tally(self) -> str:
        failed = f", {self._failed} not done" if self._failed else ""
        return f"{self._stored + self._run}/{self._total} trials{failed}{self._eta()}"


class PlainView(_Counted):
    """A line per event, for log files and pipes; repeats nothing."""

    def __init__(self, console: Console, quiet_seconds: float = QUIET_SECONDS) -> None:
        super().__init__()
        self._console = console
        self._quiet_seconds = quiet_seconds
        self._last_said = time.monotonic()

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        """Say what is ahead."""
        self._expect(trials, stored)
        self.say(_plan_line(trials, stored, jobs))

    def started(self, spec: TrialSpec) -> None:
        """A trial's start is not worth a line."""

    def running(self, jobs: Running, seconds_left: float | None) -> None:
        """Nor is its progress, unless nothing was said for long."""
        self._seconds_left = seconds_left
        if jobs and time.monotonic() - self._last_said >= self._quiet_seconds:
            steps = ", ".join(
                f"{_name(spec)} at {_step(spec, progress)}" for spec, progress in jobs[:ROWS_SHOWN]
            )
            more = f" and {len(jobs) - ROWS_SHOWN} more" if len(jobs) > ROWS_SHOWN else ""
            self.say(f"running: {steps}{more}")

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        """Say how a trial ended."""
        self._count(result)
        self.say(f"{_trial_line(spec, result, seconds)} · {self._tally()}")

    def say(self, text: str) -> None:
        """Write one timestamped line."""
        self._last_said = time.monotonic()
        self._console.print(
            Text(f"{time.strftime('%H:%M:%S')}  {one_line(text, 2000)}"), soft_wrap=True
        )

    def end(self) -> None:
        """Nothing is left open."""


class LiveView(_Counted):
    """Finished trials scroll by; below them a bar and the trials that run now."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._live: Live | None = None
        self._jobs_now: Running = ()

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        """Say what is ahead and open the live view."""
        self._expect(trials, stored)
        self.say(_plan_line(trials, stored, jobs))
        self._live = Live(
            console=self._console, refresh_per_second=5, transient=True, get_renderable=self._render
        )
        self._live.start()

    def started(self, spec: TrialSpec) -> None:
        """The next refresh shows it."""

    def running(self, jobs: Running, seconds_left: float | None) -> None:
        """Take note of what the next refresh shows."""
        self._seconds_left = seconds_left
        self._jobs_now = jobs

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        """Print how a trial ended, above the live part."""
        self._count(result)
        style = {Status.DONE: "", Status.INCOMPATIBLE: "dim"}.get(result.status, "red")
        self._console.print(
            Text(one_line(_trial_line(spec, result, seconds), 2000), style=style), soft_wrap=True
        )

    def say(self, text: str) -> None:
        """Print one line, above the live part."""
        self._console.print(Text(one_line(text, 2000)), soft_wrap=True)

    def end(self) -> None:
        """Close the live view."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _render(self) -> Group:
        rows = Table.grid(padding=(0, 2))
        for spec, progress in self._jobs_now[:ROWS_SHOWN]:
            rows.add_row(
                Text(f"  {one_line(_name(spec), 200)}"),
                ProgressBar(
                    total=spec.settings.steps, completed=progress[0] if progress else 0, width=20
                ),
                Text(_step(spec, progress)),
            )
        if len(self._jobs_now) > ROWS_SHOWN:
            rows.add_row(Text(f"  and {len(self._jobs_now) - ROWS_SHOWN} more"))
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=max(1, self._total), completed=self._stored + self._run, width=40),
            Text(self._tally()),
        )
        return Group(rows, bar)


def view_for(console: Console) -> PlainView | LiveView:
    """Return the live view on a terminal, the plain one anywhere else."""
    return LiveView(console) if console.is_terminal else PlainView(console)


def _plan_line(trials: int, stored: int, jobs: int) -> str:
    had = f", {stored} of them already stored" if stored else ""
    return f"{trials} trial{'s' * (trials != 1)}{had}; {jobs} at a time"


def _name(spec: TrialSpec) -> str:
    return f"{spec.task.label} · {spec.model.label} H={spec.model.hidden_size} seed {spec.seed}"


def _step(spec: TrialSpec, progress: tuple[int, float] | None) -> str:
    step, loss = progress or (0, None)
    return f"step {step}/{spec.settings.steps}" + ("" if loss is None else f", loss {loss:.4g}")


def _trial_line(spec: TrialSpec, result: Result, seconds: float) -> str:
    if result.learning is None:
        what = f"{result.status}: {result.error or ''}"
    else:
        learning = result.learning
        solved = (
            f", solved at step {learning.steps_to_solve}"
            if learning.solved and learning.steps_to_solve
            else ""
        )
        what = f"{learning.score_name} {learning.score:.4g}, skill {learning.skill:.2f}{solved}"
    return f"{_name(spec)} · {what} · {_short(seconds)} · {spec.trial_id}"


def _short(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else str(timedelta(seconds=round(seconds)))
