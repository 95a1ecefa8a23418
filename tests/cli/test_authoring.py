"""``check``, ``new`` and ``doctor``."""

from __future__ import annotations

from pathlib import Path

from rnnbench.cli.health import PACKAGES
from rnnbench.records.store import Store
from tests.support.calling import call
from tests.support.factory import record


def test_check_says_what_a_model_keeps() -> None:
    answer = call("check", "rnn[nonlinearity=tanh,relu]")
    assert answer.code == 0
    *lines, last = answer.out.splitlines()
    assert all(line.startswith("ok    ") for line in lines)
    assert last == f"rnn[nonlinearity=tanh,relu]: {len(lines)} of {len(lines)} checks passed"


def test_check_knows_tasks_too() -> None:
    answer = call("check", "copy-memory[delay=3,symbols=2]")
    assert answer.code == 0
    assert "checks passed" in answer.out


def test_new_writes_a_project_and_says_what_to_type_next(folder: Path) -> None:
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


def test_doctor_looks_at_the_installation_and_the_store(store: Path) -> None:
    answer = call("doctor")
    assert answer.code == 0, answer
    assert all(line.startswith("ok    ") for line in answer.out.splitlines())
    for word in (
        *PACKAGES,
        "plugin lstm",
        "GPU",
        "processes of their own",
        "rnnbench.db: 7 attempts, all readable",
    ):
        assert word in answer.out
    assert store.exists()


def test_doctor_rescues_a_damaged_store(folder: Path) -> None:
    made = [record(seed=seed) for seed in range(20)]
    with Store("old.db") as opened:
        for each in made:
            opened.add(each.spec, each.result, started_at=each.started_at, seconds=1.0)
    content = bytearray((folder / "old.db").read_bytes())
    content[5 * 4096 : 6 * 4096] = bytes(4096)
    (folder / "old.db").write_bytes(content)
    answer = call("doctor", "--store", "old.db", "--rescue", "new.db")
    with Store("new.db", must_exist=True) as rescued:
        kept = len(rescued.records())
    lost = len(made) - kept
    assert kept >= 16
    assert answer.out.endswith(f"{kept} attempts copied to new.db, {lost} could not be read\n")
    assert answer.code == (1 if lost else 0)
    assert (
        "exists; name a new file"
        in call("doctor", "--store", "old.db", "--rescue", "new.db").complaint
    )
