"""Setting the clock during a run changes only the dates in records."""

from __future__ import annotations

import ast
import os
import sqlite3
import time
from itertools import cycle
from pathlib import Path

import pytest

import rnnbench
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.execution.conftest import Plan, Sweeping

WALL_CLOCK = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
}
DAY = 86_400.0


def test_a_clock_that_jumps_by_days_makes_no_timeout_and_no_negative_duration(
    plan: Plan, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, jumps = time.time, cycle((0.0, DAY, -DAY))
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    summary, records = sweep(plan("good", "slow[pause=0.01]", seeds=2, steps=20), timeout=60.0)
    assert summary.statuses == {Status.DONE: 4}
    assert all(0.0 < record.seconds < 60.0 for record in records.values())


def test_no_code_measures_with_the_wall_clock() -> None:
    found = []
    for path in Path(rnnbench.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(
                    value=ast.Name(id=module) | ast.Attribute(attr=module), attr=name
                ):
                    if (module, name) in WALL_CLOCK:
                        found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_a_claim_knows_its_process_by_ticks_since_boot(store: Store) -> None:
    assert store.claim("a trial")
    with sqlite3.connect(store.path) as connection:
        ((pid, born),) = connection.execute("SELECT pid, born FROM claims").fetchall()
    connection.close()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - born / os.sysconf("SC_CLK_TCK")
    assert pid == os.getpid()
    assert 0.0 < age < time.clock_gettime(time.CLOCK_BOOTTIME)
