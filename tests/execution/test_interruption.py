"""Ctrl-C and SIGTERM: once ends in order, twice at once, and the next run continues exactly."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from rnnbench.execution.isolation.processes import GRACE_SECONDS
from rnnbench.records.store import Store
from tests.execution.conftest import Plan, Sweeping
from tests.support.command import attempts, query, running, wait_until

ONCE_AND_TWICE = [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.faults)]
OTHER_WAY_ROUND = [
    pytest.param(signal.SIGINT, 130, marks=pytest.mark.faults),
    (signal.SIGTERM, 143),
]


def learnt(store: Path) -> dict[Any, Any]:
    """Return score and curve of every trial but for its seconds, by trial."""
    rows = query(store, "SELECT trial_id, result FROM attempts WHERE status = 'done'")
    results = {trial: json.loads(str(result))["learning"] for trial, result in rows}
    for learning in results.values():
        learning.pop("train_seconds")
        for point in learning["curve"]:
            point.pop("seconds")
    return results


@pytest.mark.parametrize(("number", "code"), ONCE_AND_TWICE)
def test_once_records_the_running_trials_and_resuming_is_exact(
    shelf: Path,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
    plan: Plan,
    sweep: Sweeping,
    store: Store,
) -> None:
    interrupted = tmp_path / "interrupted" / "records.db"
    interrupted.parent.mkdir()
    arguments = ["--model", "slow[pause=0.03]", "--steps", "60", "--seeds", "4", "--jobs", "2"]
    with running(shelf, interrupted, *arguments) as driver:
        wait_until(lambda: len(attempts(interrupted)) >= 1 and driver.claimed() == 2, 120)
        driver.process.send_signal(number)
        ended, out, err = driver.finish()
        assert driver.survivors() == []
    assert (ended, err) == (code, "")
    assert "Interrupted" in out
    before = attempts(interrupted)
    assert [status for _, _, status in before].count("interrupted") in (1, 2), (
        "one may just have ended"
    )
    assert {status for _, _, status in before} == {"done", "interrupted"}

    with running(shelf, interrupted, *arguments) as driver:
        assert driver.finish()[0] == 0
    assert set(before) < set(attempts(interrupted))
    assert len([status for _, _, status in attempts(interrupted) if status == "done"]) == 4
    sweep(plan("slow[pause=0.03]", seeds=4, steps=60))
    assert len(learnt(interrupted)) == 4
    assert learnt(interrupted) == learnt(store.path)


@pytest.mark.parametrize(("number", "code"), OTHER_WAY_ROUND)
def test_twice_ends_at_once_even_what_ignores_sigterm(
    shelf: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    store = tmp_path / "records.db"
    with running(
        shelf, store, "--model", "ignores-sigterm", "--steps", "3", "--seeds", "2", "--jobs", "2"
    ) as driver:
        wait_until(lambda: driver.claimed() == 2, 120)
        time.sleep(1.0)  # into the training, where the model stops listening
        driver.process.send_signal(number)
        time.sleep(0.1)
        started = time.monotonic()
        driver.process.send_signal(number)
        ended, _, _ = driver.finish()
        assert time.monotonic() - started < GRACE_SECONDS, "it waited for the end of the grace"
        assert driver.survivors() == []
    assert ended == code
    assert [(attempt, status) for _, attempt, status in attempts(store)] == [(1, "interrupted")] * 2
