"""Two runs on one store at the same time share the work."""

from __future__ import annotations

from pathlib import Path

from tests.support.command import Command, attempts


def test_two_runs_at_the_same_time_run_each_of_12_trials_once(shelf: Path, tmp_path: Path) -> None:
    store = tmp_path / "records.db"
    arguments = ["--model", "slow[pause=0.02]", "--steps", "20", "--seeds", "12", "--jobs", "1"]
    both = [Command(shelf, store, *arguments) for _ in range(2)]
    ends = [command.finish() for command in both]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert [err for _, _, err in ends] == ["", ""]
    rows = attempts(store)
    assert len(rows) == len({trial for trial, _, _ in rows}) == 12
    assert {(attempt, status) for _, attempt, status in rows} == {(1, "done")}
    assert all(out.count("accuracy") > 1 for _, out, _ in ends), "one of them did all the work"
    assert both[0].survivors() == both[1].survivors() == []
