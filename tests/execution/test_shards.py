"""Shards of a run: they never overlap, hold every trial together, and merge to the same results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnbench
from rnnbench.errors import UsageError
from rnnbench.execution.options import RunOptions
from rnnbench.execution.planned import Plan, dry_plan
from rnnbench.plan.asked import ask
from rnnbench.plan.sharding import Shard, parse_shard
from tests.support.calling import call

TASK = "copy-memory[delay=2,symbols=2]"
TINY: dict[str, Any] = {"steps": 3, "batch_size": 4, "validation_size": 8, "test_size": 8}
GRID: dict[str, Any] = {
    "tasks": [TASK, "parity[train_length=4,test_length=8]"],
    "models": ["rnn", "gru", "lstm"],
    "seeds": 3,
    "hidden_size": 4,
}


def planned(folder: Path, shard: str | None, **given_fields: Any) -> Plan:
    return dry_plan(
        ask(None, (), {**GRID, **given_fields}),
        RunOptions(shard=shard),
        folder / "none.db",
        lambda _: None,
    )


def ids(plan: Plan) -> set[str]:
    return {spec.trial_id for spec in plan.specs}


@given(st.text("0123456789abcdef", min_size=1, max_size=16), st.integers(1, 200))
def test_every_trial_is_in_one_shard(trial_id: str, of: int) -> None:
    assert [Shard(number, of).holds(trial_id) for number in range(1, of + 1)].count(True) == 1


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1/0", "-1/4", "4", "1/", "a/b", "1/2/3", "", "1.0/2", "9" * 30 + "/2"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        parse_shard(text)
    answer = call("run", "-t", TASK, "-m", "rnn", "--dry-run", "--shard", text)
    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 1


def test_shards_hold_the_whole_plan_and_share_nothing(tmp_path: Path) -> None:
    whole = ids(planned(tmp_path, None))
    parts = [ids(planned(tmp_path, f"{number}/3")) for number in (1, 2, 3)]
    assert sum(map(len, parts)) == len(whole) == 18
    assert set().union(*parts) == whole
    # the part of a trial does not depend on what else is planned
    alone = planned(tmp_path, "1/3", models=["gru"], seeds=2)
    assert ids(alone) == {
        spec.trial_id for spec in planned(tmp_path, None, models=["gru"], seeds=2).specs
    } & set(parts[0])


def test_each_network_is_timed_in_one_shard_that_has_a_trial_of_it(tmp_path: Path) -> None:
    whole = planned(tmp_path, None)
    timed = []
    for number in (1, 2, 3):
        part = planned(tmp_path, f"{number}/3")
        timed += [
            speed for speed in {spec.speed_id for spec in part.specs} if speed not in part.untimed
        ]
    assert sorted(timed) == sorted({spec.speed_id for spec in whole.specs})


def test_a_network_is_timed_where_a_grid_asks_for_it(tmp_path: Path) -> None:
    suite = tmp_path / "parts.yaml"
    suite.write_text(
        f"""
models: [rnn, gru, lstm]
hidden_size: 4
seeds: 2
parts:
  - {{tasks: ["{TASK}"], speed: false, settings: {{steps: 5}}}}
  - {{tasks: ["{TASK}"], settings: {{steps: 6}}}}
"""
    )

    def timed(shard: str | None) -> list[str]:
        plan = dry_plan(
            ask(str(suite), (), {}), RunOptions(shard=shard), tmp_path / "none.db", lambda _: None
        )
        return [s for s in {spec.speed_id for spec in plan.specs} if s not in plan.untimed]

    whole = timed(None)
    assert len(whole) == 3
    for of in (2, 3, 4):
        parts = [speed for number in range(1, of + 1) for speed in timed(f"{number}/{of}")]
        assert sorted(parts) == sorted(whole)


def test_a_study_and_its_trials_are_in_one_shard(tmp_path: Path) -> None:
    tuning = {"tune": ["learning_rate=1e-3..1e-2"], "tune_trials": 2}
    whole = planned(tmp_path, None, **tuning)
    parts = [planned(tmp_path, f"{number}/3", **tuning) for number in (1, 2, 3)]
    assert sorted(study.study_id for part in parts for study in part.studies) == sorted(
        study.study_id for study in whole.studies
    )
    for part in parts:
        assert {spec.trial_id for study in part.studies for spec in study.reported} == ids(part)


def test_measured_sizes_are_refused(tmp_path: Path) -> None:
    words = ("run", "-t", TASK, "-m", "rnn", "--match", "time=1s", "--shard", "1/2", "--dry-run")
    answer = call(*words, "--store", str(tmp_path / "a.db"))
    assert answer.code == 2
    assert "would differ" in answer.err


def test_a_verdict_needs_all_shards(tmp_path: Path) -> None:
    claim = ("run", "--claim", "gru-a-third-fewer-parameters", "--shard", "1/2", "--dry-run")
    store = ("--store", str(tmp_path / "a.db"))
    refused = call(*claim, *store, "--gate")
    assert (refused.code, refused.out) == (2, "")
    assert "all shards" in refused.err
    assert call(*claim, *store).code == 0
    assert planned(tmp_path, "1/2").claims == ()


def test_merged_shards_have_the_scores_of_an_unsharded_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNBENCH_LOCK_DIR", str(tmp_path / "locks"))

    def run(name: str, shard: str | None) -> Path:
        store = tmp_path / name
        rnnbench.run(
            TASK,
            "rnn,gru",
            seeds=2,
            store=store,
            shard=shard,
            probes=False,
            accelerator="cpu",
            progress=False,
            hidden_size=4,
            **TINY,
        )
        return store

    whole = run("whole.db", None)
    parts = [run(f"{number}.db", f"{number}/2") for number in (1, 2)]
    merged = rnnbench.merge_stores(tmp_path / "all.db", *parts)
    assert (merged.added, merged.conflicts) == (4, ())
    # merged with the unsharded run, every trial has two attempts with one result
    again = rnnbench.merge_stores(tmp_path / "all.db", whole)
    assert (again.added, again.conflicts) == (4, ())
