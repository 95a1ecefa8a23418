"""One task at several values of an option: the curve, and the greatest value solved."""

from __future__ import annotations

from pathlib import Path

from rnnbench.analysis.difficulty import difficulty_sweeps
from rnnbench.analysis.groups import group
from rnnbench.records.result import Record
from rnnbench.records.syntax import OptionValue
from rnnbench.report.write import write_report
from tests.support.factory import learning, record

SCORES = {
    ("lstm", 10): (0.99, 0.95, 0.92),
    ("lstm", 20): (0.97, 0.5, 0.93),
    ("lstm", 40): (0.5, 0.4, 0.95),
    ("rnn", 10): (0.3, 0.2, 0.95),
    ("rnn", 20): (0.1, 0.1, 0.1),
    ("rnn", 40): (0.1, 0.1, 0.1),
}


def trials(**others: OptionValue) -> list[Record]:
    return [
        record(
            learned=learning(score), task_options={"delay": delay, **others}, model=model, seed=seed
        )
        for (model, delay), scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]


def test_the_greatest_value_that_most_seeds_solved() -> None:
    (sweep,) = difficulty_sweeps(group(trials(symbols=5)))
    assert (sweep.task, sweep.option) == ("copy-memory[symbols=5]", "delay")
    assert [value for value, _ in sweep.levels] == [10, 20, 40]
    assert {label: sweep.highest_solved(label) for label in sweep.labels} == {
        "lstm": 20,
        "rnn": None,
    }


def test_only_what_is_alike_but_for_one_number_makes_a_sweep() -> None:
    assert difficulty_sweeps(group(trials()[:3])) == []
    two = [*trials(symbols=5), *trials(symbols=10)]
    found = {
        (sweep.task, sweep.option, len(sweep.levels)) for sweep in difficulty_sweeps(group(two))
    }
    assert found == {
        ("copy-memory[symbols=5]", "delay", 3),
        ("copy-memory[symbols=10]", "delay", 3),
        *((f"copy-memory[delay={delay}]", "symbols", 2) for delay in (10, 20, 40)),
    }
    words = [record(task_options={"level": level}) for level in ("word", "char")]
    switches = [record(task_options={"permuted": on}) for on in (True, False)]
    assert difficulty_sweeps(group([*words, *switches])) == []


def test_the_report_draws_the_curve_and_names_what_was_solved(tmp_path: Path) -> None:
    write_report(trials(symbols=5), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert (
        "copy-memory\\[symbols=5\\] by delay" in text or "copy-memory[symbols=5] by delay" in text
    )
    assert "up to: lstm (delay 20" in text
    assert "Solved at no value tried: rnn" in text
    assert (tmp_path / "report" / "figures" / "difficulty-1.svg").stat().st_size > 1000
