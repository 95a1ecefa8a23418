"""Progress of a sweep: a live view on a terminal, timestamped lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from rnnbench.errors import one_line
from rnnbench.execution.jobs import messages
from rnnbench.records.result import EXPECTED_OF_TRIES, Result, Status
from rnnbench.records.spec import TrialSpec

QUIET_SECONDS = 60.0
"""Heartbeat interval of a log, in seconds."""
ROWS_SHOWN = 12
"""Maximum number of running trials that the live view lists, so that it fits a small terminal."""
LINE_LIMIT = 2000
"""Characters of a line at most."""

Running = Sequence[tuple[TrialSpec, messages.Progress | None]]
"""Running trials, each with its latest progress."""


class View(Protocol):
    """Observer of a run."""

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        """Begin a sweep: all its trials, those stored already, and trials at a time."""

    def expect(self, trials: int, stored: int) -> None:
        """Note how many trials there are now; a tuning adds some that follow from results."""

    def started(self, spec: TrialSpec) -> None:
        """Note that a trial has started."""

    def running(self, jobs: Running, seconds_left: float | None) -> None:
        """Note the running trials and the expected time left; called several times a second."""

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        """Note that a trial has ended."""

    def say(self, text: str) -> None:
        """Show a message."""

    def end(self) -> None:
        """End the sweep; messages may follow. A second call does nothing."""


class _Counted:
    """The counts that both views show."""

    def __init__(self) -> None:
        self._total = self._failed = self._stored = self._run = 0
        self._seconds_left: float | None = None

    def expect(self, trials: int, stored: int) -> None:
        """Take over the numbers of trials."""
        self._total, self._stored = trials, stored

    def _count(self, spec: TrialSpec, result: Result) -> None:
        self._run += 1
        self._failed += _is_failure(spec, result)

    def _eta(self) -> str:
        if not self._run or self._run == self._total - self._stored or self._seconds_left is None:
            return ""
        return f", about {_short(self._seconds_left)} left"

    def _tally(self) -> str:
        failed = f", {self._failed} not done" if self._failed else ""
        return f"{self._stored + self._run}/{self._total} trials{failed}{self._eta()}"


class PlainView(_Counted):
    """One line per event, for log files and pipes."""

    def __init__(self, console: Console, quiet_seconds: float = QUIET_SECONDS) -> None:
        super().__init__()
        self._console = console
        self._quiet_seconds = quiet_seconds
        self._last_said = time.monotonic()

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        """Log the size of the sweep."""
        self.expect(trials, stored)
        self.say(_plan_line(trials, stored, jobs))

    def started(self, spec: TrialSpec) -> None:
        """Ignored."""

    def running(self, jobs: Running, seconds_left: float | None) -> None:
        """Log a heartbeat after ``quiet_seconds`` without output."""
        self._seconds_left = seconds_left
        if jobs and time.monotonic() - self._last_said >= self._quiet_seconds:
            steps = ", ".join(
                f"{_name(spec)} at {_step(spec, progress)}" for spec, progress in jobs[:ROWS_SHOWN]
            )
            more = f" and {len(jobs) - ROWS_SHOWN} more" if len(jobs) > ROWS_SHOWN else ""
            self.say(f"running: {steps}{more}")

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        """Log how a trial ended."""
        self._count(spec, result)
        self.say(f"{_trial_line(spec, result, seconds)} · {self._tally()}")

    def say(self, text: str) -> None:
        """Log one timestamped line."""
        self._last_said = time.monotonic()
        line = f"{time.strftime('%H:%M:%S')}  {one_line(text, LINE_LIMIT)}"
        self._console.print(Text(line), soft_wrap=True)

    def end(self) -> None:
        """Ignored."""


class LiveView(_Counted):
    """The ended trials scroll; below them are the running trials and a bar for the sweep."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}", markup=False),
            console=console,
            refresh_per_second=5,
            transient=True,
        )
        self._sweep = self._bars.add_task("", state="")
        self._rows: dict[str, TaskID] = {}
        self._jobs: Running = ()

    def begin(self, trials: int, stored: int, jobs: int) -> None:
        """Print the size of the sweep and open the live part."""
        self.expect(trials, stored)
        self.say(_plan_line(trials, stored, jobs))
        self._show_sweep()
        self._bars.start()

    def started(self, spec: TrialSpec) -> None:
        """Ignored: :meth:`running` follows."""

    def running(self, jobs: Running, seconds_left: float | None) -> None:
        """Update the live part."""
        self._seconds_left = seconds_left
        self._jobs = jobs
        self._show_jobs()
        self._show_sweep()

    def ended(self, spec: TrialSpec, result: Result, seconds: float) -> None:
        """Print how a trial ended, above the live part."""
        self._count(spec, result)
        self._show_sweep()
        dim = result.status is not Status.DONE
        style = "red" if _is_failure(spec, result) else "dim" if dim else ""
        self._print(_trial_line(spec, result, seconds), style)

    def say(self, text: str) -> None:
        """Print one line, above the live part."""
        self._print(text)

    def end(self) -> None:
        """Close the live part."""
        self._bars.stop()

    def live(self) -> RenderableType:
        """Return the live part as it is shown now."""
        return self._bars.get_renderable()

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(one_line(text, LINE_LIMIT), style=style), soft_wrap=True)

    def _show_jobs(self) -> None:
        shown = {spec.trial_id: (spec, progress) for spec, progress in self._jobs[:ROWS_SHOWN]}
        for ended in self._rows.keys() - shown.keys():
            self._bars.remove_task(self._rows.pop(ended))
        for trial_id, (spec, progress) in shown.items():
            if trial_id not in self._rows:
                self._rows[trial_id] = self._bars.add_task(
                    one_line(_name(spec), 200), total=spec.settings.steps, state=""
                )
            self._bars.update(
                self._rows[trial_id],
                completed=progress.step if progress else 0,
                state=_step(spec, progress),
            )

    def _show_sweep(self) -> None:
        more = len(self._jobs) - ROWS_SHOWN
        self._bars.update(
            self._sweep,
            description=f"{len(self._jobs)} running",
            total=max(1, self._total),
            completed=self._stored + self._run,
            state=self._tally() + (f"; {more} more are running" if more > 0 else ""),
        )


def view_for(console: Console) -> View:
    """Return the live view on a terminal, the plain one anywhere else."""
    return LiveView(console) if console.is_terminal else PlainView(console)


def _plan_line(trials: int, stored: int, jobs: int) -> str:
    had = f", {stored} of them already stored" if stored else ""
    return f"{trials} trial{'s' * (trials != 1)}{had}; {jobs} at a time"


def _is_failure(spec: TrialSpec, result: Result) -> bool:
    if spec.tuning is not None and result.status in EXPECTED_OF_TRIES:
        return False
    return result.status not in (Status.DONE, Status.INCOMPATIBLE)


def _name(spec: TrialSpec) -> str:
    if spec.tuning is not None:
        model = f"{spec.model.label} H={spec.model.hidden_size}"
        return f"{spec.task.label} · {model} try {spec.tuning.number} ({spec.tuning.label})"
    return (
        f"{spec.task.label} · {spec.model.label} H={spec.model.hidden_size} seed {spec.seed_label}"
    )


def _step(spec: TrialSpec, progress: messages.Progress | None) -> str:
    if progress is None:
        return f"step 0/{spec.settings.steps}"
    return f"step {progress.step}/{spec.settings.steps}, loss {progress.loss:.4g}"


def _trial_line(spec: TrialSpec, result: Result, seconds: float) -> str:
    if result.status is Status.DONE and result.validated is not None:
        validated = result.validated
        outcome = f"validation {validated.score_name} {validated.best_score:.4g}"
    elif result.learning is None:
        outcome = f"{result.status}: {result.error or ''}"
    else:
        learning = result.learning
        solved = (
            f", solved at step {learning.steps_to_solve}"
            if learning.solved and learning.steps_to_solve
            else ""
        )
        outcome = f"{learning.score_name} {learning.score:.4g}, skill {learning.skill:.2f}{solved}"
    return f"{_name(spec)} · {outcome} · {_short(seconds)} · {spec.trial_id}"


def _short(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else str(timedelta(seconds=round(seconds)))
