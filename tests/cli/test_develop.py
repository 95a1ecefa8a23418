"""``rnnbench check`` and ``rnnbench new``."""

from __future__ import annotations

from pathlib import Path

from tests.support.calling import call


def test_check_lists_every_check_of_a_model() -> None:
    answer = call("check", "rnn[nonlinearity=tanh,relu]")
    assert answer.code == 0
    *lines, last = answer.out.splitlines()
    assert all(line.startswith("ok    ") for line in lines)
    assert last == f"rnn[nonlinearity=tanh,relu]: {len(lines)} of {len(lines)} checks passed"


def test_check_knows_tasks_too() -> None:
    answer = call("check", "copy-memory[delay=3,symbols=2]")
    assert answer.code == 0
    assert "checks passed" in answer.out


def test_new_creates_a_project_and_prints_the_next_commands(folder: Path) -> None:
    answer = call("new", "model", "my-cell")
    assert (answer.code, answer.err) == (0, "")
    assert (folder / "rnnbench-my-cell" / "pyproject.toml").is_file()
    assert "pip install -e rnnbench-my-cell" in answer.out
    assert "rnnbench check my-cell" in answer.out
    assert "rnnbench run --model my-cell --task copy-memory --steps 500" in answer.out
    assert "is not empty" in call("new", "model", "my-cell").complaint
    answer = call("new", "task", "my-task", "a folder")
    assert "pip install -e 'a folder'" in answer.out
    assert "rnnbench run --task my-task --model lstm,gru --steps 500" in answer.out
