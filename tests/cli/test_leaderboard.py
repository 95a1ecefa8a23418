"""The leaderboard on the terminal: no number is cut at any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rnnbench.analysis.formatting import estimate_text, rate_text
from rnnbench.analysis.groups import group
from rnnbench.cli.leaderboard import leaderboards
from rnnbench.records.result import Status
from tests.support.factory import ENVIRONMENT, learning, record, speed, study

RECORDS = study(tasks=("copy-memory",))


def drawn(width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for table in leaderboards(RECORDS, console):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 70, 80, 100, 140])
def test_models_scores_and_rates_are_whole_at_any_width(width: int) -> None:
    lines = drawn(width).splitlines()
    assert all(len(line) <= width for line in lines)
    assert "…" not in "".join(lines)
    for configuration in group(RECORDS)[0].configurations:
        row = next(line for line in lines if line.startswith(configuration.label))
        assert estimate_text(configuration.score) in row
        assert rate_text(configuration.solved) in row


def test_a_wide_terminal_shows_every_column_and_a_narrow_one_says_which_it_lacks() -> None:
    assert "no room" not in drawn(100)
    narrow = " ".join(drawn(60).split())
    assert "no room for params, step / lstm, loop / lstm, memory horizon and trials" in narrow
    assert "20,000" not in narrow


def test_a_terminal_too_narrow_for_any_row_folds_it() -> None:
    text = drawn(34)
    assert "…" not in text
    assert all(len(line) <= 34 for line in text.splitlines())


def test_the_heading_of_speed_names_the_comparator() -> None:
    changed = [each.model_copy(update={"speed": speed(comparator="gru")}) for each in RECORDS]
    console = Console(file=io.StringIO(), width=120, color_system=None)
    (table,) = leaderboards(changed, console)
    assert [column.header for column in table.columns].count("step\n/ gru") == 1
    assert [column.header for column in table.columns].count("loop\n/ gru") == 1


def test_noise_of_the_training_step_is_marked_and_a_missing_loop_is_empty() -> None:
    noisy = [record(model="gru", ratio=None).model_copy(update={"speed": speed(2.0, noisy=True)})]
    loopless = [record(model="rnn", ratio=None).model_copy(update={"speed": speed(plain=None)})]
    console = Console(file=io.StringIO(), width=140, color_system=None)
    (table,) = leaderboards([*noisy, *loopless], console)
    cells = [list(column.cells) for column in table.columns]
    assert [str(cell) for cell in cells[5]] == ["2.00x~", "1.00x"]
    assert [str(cell) for cell in cells[6]] == ["0.90x~", "–"]
    assert "~ uncertain by more than a quarter" in str(table.caption)


def test_declined_and_failed_trials_are_counted_separately() -> None:
    declined = record(model="bilstm", status=Status.INCOMPATIBLE, learned=None)
    crashed = record(model="rnn", status=Status.CRASHED, learned=None)
    console = Console(file=io.StringIO(), width=120, color_system=None)
    for table in leaderboards([*RECORDS, declined, crashed], console):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "declined" in shown
    assert "not done" in shown


def test_scores_that_still_improve_and_mixed_processors_are_remarked() -> None:
    other = ENVIRONMENT.model_copy(update={"instruction_set": "AVX2"})
    records = [
        record(model="lstm", learned=learning(still_improving=True)),
        record(model="gru", environment=other),
    ]
    console = Console(file=io.StringIO(), width=120, color_system=None)
    for table in leaderboards(records, console):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    shown = " ".join(console.file.getvalue().split())
    assert shown.count("↗") == 2
    assert "still improving at the end of training" in shown
    assert "Scores come from different processors" in shown


def test_a_task_on_which_no_score_counts_as_solved_says_why() -> None:
    denied = learning(0.99).model_copy(update={"solved": False, "unsolvable": "unknown words"})
    console = Console(file=io.StringIO(), width=200, color_system=None)
    for table in leaderboards([record(learned=denied)], console):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    assert "not solvable: unknown words" in console.file.getvalue()
