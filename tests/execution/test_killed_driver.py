"""Repeated SIGKILL of the driver: no trial is lost or run twice, and no process is left."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.support.command import attempts, running, wait_until

FULL = [pytest.mark.faults, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(("kills", "trials"), [(2, 12), pytest.param(25, 100, marks=FULL)])
def test_sigkill_of_the_driver_resumed_each_time(
    shelf: Path, tmp_path: Path, kills: int, trials: int
) -> None:
    store = tmp_path / "records.db"
    moments = random.Random(25)
    command = [
        "--model",
        "slow[pause=0.02]",
        "--steps",
        "10",
        "--seeds",
        str(trials),
        "--jobs",
        "2",
    ]
    for _ in range(kills):
        finished = set(attempts(store))
        with running(shelf, store, *command) as driver:
            wait_until(lambda: len(attempts(store)) > len(finished), 120)  # noqa: B023
            time.sleep(moments.uniform(0.0, 0.3))
            driver.process.kill()
            driver.process.wait()
            assert wait_until(lambda: not driver.survivors(), 2.0) < 2.0
        assert finished < set(attempts(store))
    assert len(attempts(store)) < trials, "the last kill came after the end"
    with running(shelf, store, *command) as driver:
        code, _, err = driver.finish()
    assert (code, err) == (0, "")
    rows = attempts(store)
    assert len(rows) == len({trial for trial, _, _ in rows}) == trials
    assert {(attempt, status) for _, attempt, status in rows} == {(1, "done")}
