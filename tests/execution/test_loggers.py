"""Lightning's loggers and callbacks, as users have them: asked for by name, or installed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from rnnbench.api import run
from rnnbench.errors import UsageError
from rnnbench.execution.jobs.loggers import LOGGERS, check_loggers
from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.execution.conftest import Plan, Sweeping
from tests.support.installing import install, run_python

WATCHER = Path(__file__).parents[1] / "distributions" / "watcher"
SMALL = [
    "--batch-size",
    "4",
    "--validation-size",
    "8",
    "--test-size",
    "8",
    "--hidden-size",
    "4",
    "--no-probes",
    "--no-report",
]


def test_a_training_is_logged_by_optimizer_step_in_a_place_of_its_own(
    plan: Plan, sweep: Sweeping, store: Store
) -> None:
    specs = plan("good", seeds=2, steps=6, validate_every=3)
    summary, _ = sweep(specs, loggers=("csv",))
    assert summary.statuses == {Status.DONE: 2}
    logs = sorted(store.logs.rglob("metrics.csv"))
    assert [log.relative_to(store.logs).parts[:3] for log in logs] == [
        ("csv", "instant", "good")
    ] * 2
    assert [log.parent.name for log in logs] == [
        f"seed-{spec.seed}-{spec.trial_id}" for spec in specs
    ]
    with logs[-1].open() as file:
        rows = list(csv.DictReader(file))
    learning = next(r for r in store.records() if r.spec.seed == 1).result.learning
    assert learning is not None
    assert [int(row["step"]) for row in rows] == [3, 6]
    assert [float(row["val_loss"]) for row in rows] == pytest.approx(
        [point.validation_loss for point in learning.curve], rel=1e-5
    )
    logged = YAML(typ="safe").load(logs[-1].parent / "hparams.yaml")
    assert (logged["seed"], logged["hidden_size"], logged["steps"]) == (1, 4, 6)


def test_logging_changes_no_result(plan: Plan, sweep: Sweeping) -> None:
    specs = plan("good", steps=6, validate_every=2)
    results = [
        sweep(specs, loggers=loggers, retry=["done"])[1]["good"].result.learning
        for loggers in ((), ("csv",))
    ]
    losses = [
        [(point.train_loss, point.validation_loss) for point in learning.curve]
        for learning in results
        if learning
    ]
    assert len(losses) == 2
    assert losses[0] == losses[1]


def test_a_logger_whose_distribution_is_missing_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LOGGERS, "tensorboard", "no_such_distribution")
    with pytest.raises(UsageError, match=r"pip install 'rnnbench\[tensorboard\]'"):
        check_loggers(["csv", "tensorboard"])


def test_a_wrong_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'csv'"):
        run("copy-memory", "lstm", loggers=["csvv"], store=tmp_path / "x.db")


def test_callbacks_of_installed_distributions_see_what_is_logged(tmp_path: Path) -> None:
    shelf = install([WATCHER], tmp_path / "shelf", tmp_path / "source")
    store = tmp_path / "records.db"
    arguments = [
        "-m",
        "rnnbench",
        "run",
        "-t",
        "copy-memory[delay=2,symbols=1]",
        "-m",
        "rnn",
        "--seeds",
        "1",
        "--steps",
        "4",
    ]
    run_python([*arguments, "--validate-every", "2", *SMALL, "--store", str(store)], shelf=shelf)
    with Store(store, must_exist=True) as opened:
        (record,) = opened.records()
    said = [line for line in record.log.splitlines() if line.startswith("watched")]
    values = ["learning_rate", "train_loss", "val_loss", "val_score"]
    assert said == [f"watched {step} {values}" for step in (2, 4)]
