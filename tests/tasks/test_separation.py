"""Quick presets tell models apart: who solves a task and who does not, seed 0 on one core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rnnbench

SEPARATED: dict[str, tuple[str, str]] = {
    "parity": ("lstm", "rnn"),
    "group-word": ("lstm", "rnn"),
    "anbn": ("lstm", "rnn"),
    "anbncn": ("lstm", "rnn"),
    "regular-language": ("lstm", "rnn"),
    "noisy-recall": ("lstm", "rnn"),
    "fuzzy-recall": ("lstm", "rnn"),
    "compression": ("rnn", "lstm"),
    "memorization": ("lstm", "rnn"),
}
"""A model that solves the quick preset of the task, and one that does not."""


def solved_by(task: str, models: list[str], folder: Path, **settings: Any) -> dict[str, bool]:
    rows = rnnbench.run(
        task, models, preset="quick", seeds=1, store=folder / "trials.db", jobs=1, probes=False,
        contract_checks=False, progress=False, accelerator="cpu", **settings,
    )  # fmt: skip
    assert set(rows["status"]) == {"done"}
    return dict(zip(rows["model"], rows["solved"], strict=True))


def test_a_small_preset_tells_lstm_and_rnn_apart(tmp_path: Path) -> None:
    found = solved_by("anbn", ["lstm", "rnn"], tmp_path, steps=500)
    assert found == {"lstm": True, "rnn": False}


@pytest.mark.separation
@pytest.mark.timeout(900)
@pytest.mark.parametrize("task", SEPARATED)
def test_the_quick_preset_tells_models_apart(task: str, tmp_path: Path) -> None:
    solves, fails = SEPARATED[task]
    assert solved_by(task, [solves, fails], tmp_path) == {solves: True, fails: False}
