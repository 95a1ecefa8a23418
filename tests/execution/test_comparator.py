"""The comparator of speeds: an LSTM of the model's hidden size, or at its target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rnnbench
from rnnbench.records.speed import Speed
from rnnbench.records.store import Store

TASK = "copy-memory[delay=2,symbols=2]"
TINY: dict[str, Any] = {"steps": 1, "batch_size": 2, "validation_size": 4, "test_size": 4}


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNBENCH_LOCK_DIR", str(tmp_path / "locks"))


def speeds(folder: Path, models: str, **given: Any) -> dict[str, Speed]:
    """Run the models, and return the speed of each by name."""
    store = folder / "a.db"
    rnnbench.run(
        TASK, models, seeds=1, store=store, accelerator="cpu", progress=False, **given, **TINY
    )
    with Store(store) as opened:
        return {
            record.spec.model.name: record.speed
            for record in opened.records()
            if record.speed is not None
        }


def test_at_a_target_all_models_have_one_comparator_which_may_be_among_them(
    tmp_path: Path,
) -> None:
    found = speeds(tmp_path, "indrnn,lstm", match="params=2k")
    sizes = {speed.comparator_size for speed in found.values()}
    with Store(tmp_path / "a.db") as store:
        hidden = {
            record.spec.model.name: record.spec.model.hidden_size for record in store.records()
        }
    assert hidden["indrnn"] > 2 * hidden["lstm"]
    assert sizes == {hidden["lstm"]}
    assert {speed.against for speed in found.values()} == {"lstm of equal parameters"}
    # without the comparator among the models the size is the same
    alone = speeds(tmp_path / "alone", "indrnn", match="params=2k")["indrnn"]
    assert alone.comparator_size == hidden["lstm"]


def test_a_speed_relative_to_another_comparator_is_measured_again(tmp_path: Path) -> None:
    first = speeds(tmp_path, "indrnn", match="params=2k")["indrnn"]
    with Store(tmp_path / "a.db") as store:
        (record,) = store.records()
    again = speeds(tmp_path, "indrnn", hidden_size=record.spec.model.hidden_size)["indrnn"]
    assert first.comparator_size != again.comparator_size == record.spec.model.hidden_size
    assert (again.equal, again.against) == (None, "lstm")
    with Store(tmp_path / "a.db") as store:
        assert len(store.speeds()) == 1
