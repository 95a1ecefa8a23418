"""The trials of a run: several grids at once, and studies that several of them ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnbench import api
from rnnbench.execution.options import RunOptions
from rnnbench.execution.planned import Plan, dry_plan
from rnnbench.plan.asked import ask
from rnnbench.records.result import Status
from tests.support.views import SilentView

TINY = {"steps": 2, "batch_size": 4, "validation_size": 8, "test_size": 8}
SUITE = """
models: ["rnn[hidden_size=4]"]
settings: {steps: 2, batch_size: 4, validation_size: 8, test_size: 8}
parts:
  - {tasks: ["copy-memory[delay=2,symbols=2]"], seeds: 3}
  - {tasks: ["copy-memory[delay=2,symbols=2]", "parity[train_length=4,test_length=8]"], seeds: 2}
"""


def planned(text: str, folder: Path, **given: Any) -> Plan:
    (folder / "suite.yaml").write_text(text, encoding="utf-8")
    return dry_plan(
        ask(str(folder / "suite.yaml"), (), given), RunOptions(), folder / "none.db", lambda _: None
    )


def test_a_trial_of_several_grids_is_planned_once_and_seeds_come_first(tmp_path: Path) -> None:
    plan = planned(SUITE, tmp_path)
    assert len({spec.trial_id for spec in plan.specs}) == len(plan.specs) == 5
    assert [spec.seed for spec in plan.specs] == [0, 0, 1, 1, 2]


def test_a_study_of_several_grids_has_the_seeds_of_all(tmp_path: Path) -> None:
    text = SUITE.replace("settings:", "tune: ['learning_rate=1e-3..1e-2']\nsettings:")
    plan = planned(text, tmp_path, tune_trials=2)
    by_task = {study.base.task.name: study for study in plan.studies}
    assert set(by_task) == {"copy-memory", "parity"}
    assert [spec.seed for spec in by_task["copy-memory"].reported] == [0, 1, 2]
    assert [spec.seed for spec in by_task["parity"].reported] == [0, 1]


def test_trials_of_a_claim_are_timed_only_where_it_is_about_speed(tmp_path: Path) -> None:
    text = SUITE + "claims: [lstm-gradient-decays-more-slowly]\n"
    plan = planned(text, tmp_path, preset="quick")
    claimed = {spec.speed_id for grid in plan.grids if grid.claim for spec in grid.specs}
    assert plan.untimed == claimed
    assert claimed


def test_a_grid_may_leave_its_speed_out(tmp_path: Path) -> None:
    text = SUITE.replace("seeds: 2}", "seeds: 2, speed: false}")
    plan = planned(text, tmp_path)
    (untimed,) = plan.untimed
    parity = {spec.speed_id for spec in plan.specs if spec.task.name == "parity"}
    assert {untimed} == parity
    assert len(planned(text, tmp_path, speed=False).untimed) == 2


@pytest.mark.parametrize(("report", "recipes"), [("both", 2), ("tuned", 1)])
def test_the_default_recipe_may_be_left_out_of_the_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str, recipes: int
) -> None:
    monkeypatch.setenv("RNNBENCH_LOCK_DIR", str(tmp_path / "locks"))
    asked = ask(
        None,
        (),
        {
            "tasks": ["copy-memory[delay=2,symbols=2]"],
            "models": ["rnn[hidden_size=4]"],
            "seeds": 2,
            "tune": ["learning_rate=1e-3..1e-2"],
            "tune_trials": 2,
            "tune_report": report,
            "settings": TINY,
        },
    )
    finished = api.execute(
        asked,
        RunOptions(probes=False, contract_checks=False, jobs=1),
        store=tmp_path / "a.db",
        report=None,
        view=SilentView(),
    )
    assert finished.exit_code == 0
    assert len(finished.tries) == 2
    assert [record.result.status for record in finished.records] == [Status.DONE] * 2 * recipes
    chosen = {record.spec.config_id for record in finished.records}
    assert len(chosen) == recipes
    if report == "tuned":
        assert finished.write_report() is None
