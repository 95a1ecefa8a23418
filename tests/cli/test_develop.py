"""``rnnbench check`` and ``rnnbench new``."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from rnnbench.plan.suites import load_suite, suite_schema
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


def test_a_new_suite_is_an_example_that_runs(folder: Path) -> None:
    answer = call("new", "suite", "my-suite")
    assert (answer.code, answer.err) == (0, "")
    assert [each.name for each in folder.iterdir()] == ["my-suite.yaml"]
    assert "my-suite" in load_suite("my-suite.yaml").description
    first, dry, full = answer.out.splitlines()
    assert first == "Created my-suite.yaml. Next:"
    assert full == "  rnnbench run --suite my-suite.yaml"
    assert call(*shlex.split(dry)[1:]).out.splitlines()[-1] == "12 trials, 0 stored."
    before = (folder / "my-suite.yaml").read_bytes()
    assert "my-suite.yaml exists" in call("new", "suite", "my-suite").complaint
    assert (folder / "my-suite.yaml").read_bytes() == before


def test_what_a_new_suite_shows_in_comments_is_right_too(folder: Path) -> None:
    call("new", "suite", "mine", "a file.yml")
    text = (folder / "a file.yml").read_text(encoding="utf-8")
    assert "#   rnnbench run --suite 'a file.yml'\n" in text
    commented = r'(?m)^( *)# (- (?!"forecasting).*|\w+: \S+)$'
    uncommented, count = re.subn(commented, r"\1\2", text)
    assert count == 6
    (folder / "all.yaml").write_text(uncommented, encoding="utf-8")
    suite = load_suite("all.yaml")
    assert (suite.hidden_size, len(suite.tasks), len(suite.models)) == (64, 2, 3)
    assert set(suite.settings) == {"steps", "batch_size", "learning_rate", "optimizer"}
    assert call("run", "--dry-run", "--suite", "all.yaml", "-m", "rnn").code == 0


def test_the_schema_of_suites_is_printed() -> None:
    answer = call("new", "suite", "--schema")
    assert (answer.code, answer.err) == (0, "")
    assert json.loads(answer.out) == suite_schema()
