"""Views of a sweep on a terminal and in a log."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from rnnbench.execution.jobs.messages import Progress
from rnnbench.execution.progress import ROWS_SHOWN, LiveView, PlainView, Running, view_for
from rnnbench.records.result import Status
from tests.support.factory import record, trial_spec
from tests.support.tries import try_record

HOSTILE = "a\x1b[31m\x07\nb[bold]"


def terminal(width: int = 120, height: int = 40) -> Console:
    return Console(
        force_terminal=True,
        file=io.StringIO(),
        width=width,
        height=height,
        color_system=None,
        legacy_windows=False,
    )


def log() -> Console:
    return Console(file=io.StringIO(), width=80)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def drawn(view: LiveView) -> str:
    """The live part as it would be shown now, without what moves the cursor."""
    canvas = terminal()
    canvas.print(view.live())
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said(canvas))


def running(count: int, step: int = 250, loss: float = 1.25) -> Running:
    progress = Progress(step=step, loss=loss)
    return [(trial_spec(seed=seed), progress if seed else None) for seed in range(count)]


def test_a_log_has_a_line_for_every_event() -> None:
    console = log()
    view = PlainView(console)
    view.begin(4, 1, 2)
    view.started(trial_spec())
    view.running(running(2), 12.0)
    view.ended(trial_spec(), record(score=0.875).result, 12.4)
    view.ended(trial_spec(seed=1), record(status=Status.FAILED, error=HOSTILE).result, 100)
    view.ended(trial_spec(seed=2), record(status=Status.INCOMPATIBLE, error="no").result, 1)
    view.say("said")
    view.end()
    lines = said(console).splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d  ", line) and line.isprintable() for line in lines)
    assert [line[10:] for line in lines][0::4] == [
        "4 trials, 1 of them already stored; 2 at a time",
        "said",
    ]
    assert "copy-memory · lstm H=64 seed 0 · accuracy 0.875, skill 0.86 · 12 s" in lines[1]
    assert "2/4 trials, about 12 s left" in lines[1]
    assert "failed: a [31m b[bold] · 0:01:40" in lines[2]
    assert "3/4 trials, 1 not done" in lines[2]
    assert lines[3].endswith("4/4 trials, 1 not done")  # a declined combination is an answer


def test_a_log_is_not_silent_for_long() -> None:
    console = log()
    view = PlainView(console, quiet_seconds=0.0)
    view.begin(20, 0, 20)
    view.running([], None)
    view.running(running(2), None)
    view.running(running(ROWS_SHOWN + 3), None)
    lines = said(console).splitlines()
    assert len(lines) == 3
    assert "running: copy-memory · lstm H=64 seed 0 at step 0/1000, " in lines[1]
    assert "seed 1 at step 250/1000, loss 1.25" in lines[1]
    assert lines[2].endswith("and 3 more")


def test_a_log_repeats_nothing_while_it_is_not_silent() -> None:
    console = log()
    view = PlainView(console)
    view.begin(1, 0, 1)
    for _ in range(100):
        view.running(running(1), None)
    assert said(console).count("\n") == 1


def test_a_terminal_shows_the_running_trials_with_step_and_loss() -> None:
    console = terminal()
    view = LiveView(console)
    view.begin(3, 0, 2)
    try:
        view.started(trial_spec())
        view.running(running(2), 100.0)
        shown = drawn(view)
        assert "copy-memory · lstm H=64 seed 0" in shown
        assert "step 0/1000" in shown
        assert "step 250/1000, loss 1.25" in shown
        assert "0/3 trials" in shown
        view.ended(trial_spec(), record(score=0.5).result, 3)
        view.say("said [bold]plainly[/bold]")
        assert "1/3 trials, about 0:01:40 left" in drawn(view)
    finally:
        view.end()
        view.end()
    text = said(console)
    assert "3 trials; 2 at a time" in text
    assert "accuracy 0.5, skill 0.43" in text
    assert "said [bold]plainly[/bold]" in text


@pytest.mark.parametrize("count", [0, 1, ROWS_SHOWN, ROWS_SHOWN + 1, 500])
def test_a_terminal_lists_no_more_trials_than_fit(count: int) -> None:
    view = LiveView(terminal(width=40, height=10))
    view.begin(count, 0, count)
    view.running(running(count), None)
    shown = drawn(view)
    view.end()
    assert shown.count("seed") == min(count, ROWS_SHOWN)
    assert (f"{count - ROWS_SHOWN} more" in shown) is (count > ROWS_SHOWN)
    assert f"0/{count} trials" in shown


def test_nothing_in_a_record_can_steer_the_terminal() -> None:
    console = terminal(width=400)
    view = LiveView(console)
    spec = trial_spec(task_options={"path": HOSTILE}, model_options={"note": HOSTILE})
    view.begin(1, 0, 1)
    view.running([(spec, Progress(step=1, loss=float("nan")))], None)
    shown = drawn(view)
    view.ended(spec, record(status=Status.FAILED, error=HOSTILE).result, 1)
    view.say(HOSTILE)
    view.end()
    assert "\x07" not in shown + said(console)
    assert "\x1b[31m" not in shown + said(console)
    assert "loss nan" in shown


def test_a_view_suits_where_it_is_seen() -> None:
    assert isinstance(view_for(terminal()), LiveView)
    assert isinstance(view_for(log()), PlainView)


def test_a_try_is_shown_with_its_values_and_validation_score() -> None:
    console = log()
    view = PlainView(console)
    view.begin(4, 0, 2)
    for number, status in enumerate((Status.DONE, Status.DIVERGED, Status.PRUNED, Status.FAILED)):
        tried = try_record(number, 0.5, status=status, values={"learning_rate": 0.003})
        view.ended(tried.spec, tried.result, 2.0)
    lines = said(console).splitlines()
    assert "try 0 (learning_rate=0.003) · validation accuracy 0.5" in lines[1]
    assert ["not done" in line for line in lines[1:]] == [False, False, False, True]
    assert "1 not done" in lines[-1]


def test_trials_that_follow_from_results_change_the_total() -> None:
    console = log()
    view = PlainView(console)
    view.begin(9, 0, 2)
    view.expect(7, 2)
    view.ended(trial_spec(), record().result, 1.0)
    assert "3/7 trials" in said(console)
