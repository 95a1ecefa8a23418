"""``rnnbench merge``."""

from __future__ import annotations

from pathlib import Path

from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.support.calling import call
from tests.support.factory import record


def store(path: Path, score: float, hour: int, status: Status = Status.DONE) -> Path:
    with Store(path) as opened:
        for seed in range(12):
            made = record(score, seed=seed, status=status)
            opened.add(
                made.spec, made.result, started_at=f"2026-01-01T{hour:02d}:00:00Z", seconds=1.0
            )
    return path


def test_stores_are_joined_and_trials_with_two_results_listed(folder: Path) -> None:
    a, b = store(folder / "a.db", 0.25, 9), store(folder / "b.db", 0.75, 10)
    answer = call("merge", "all.db", str(a), str(b))
    assert (answer.code, answer.err) == (0, "")
    first, *rest = answer.out.splitlines()
    assert "24 attempts at 12 trials" in first
    assert "12 trials with different results" in rest[0]
    assert "counts: done 0.75" in rest[2]
    assert "other:  done 0.25" in rest[3]
    assert "2 more" in rest[-1]
    again = call("merge", "all.db", "a.db", "b.db")
    assert "0 attempts" in again.out
    assert len(again.out.splitlines()) == 1
    assert call("report", "--store", "all.db", "-o", "report").code == 0


def test_mistakes_are_one_line_and_write_nothing(folder: Path) -> None:
    store(folder / "a.db", 0.5, 9)
    for words in (("all.db",), ("all.db", "none.db"), ("a.db", "a.db"), ()):
        answer = call("merge", *words)
        assert answer.code == 2
        assert len(answer.err.splitlines()) <= 3
    assert [path.name for path in folder.iterdir()] == ["a.db"]
