"""Quick presets tell models apart: who solves a task and who does not, seed 0 on one core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rnnbench

NEGATIVE = "[negative_eigenvalues=true]"
SEPARATED = (
    ("parity", "lstm", "mamba"),
    ("parity", f"mamba{NEGATIVE}", "transformer"),
    ("parity", f"delta-product{NEGATIVE}", "delta-product"),
    ("group-word", "lstm", "rnn"),
    ("group-word", f"delta-product{NEGATIVE}", f"mamba{NEGATIVE}"),
    ("anbn", "lstm", "rnn"),
    ("anbncn", "lstm", "rnn"),
    ("regular-language", "lstm", "rnn"),
    ("noisy-recall", "lstm", "rnn"),
    ("fuzzy-recall", "lstm", "rnn"),
    ("compression", "rnn", "lstm"),
    ("memorization", "lstm", "rnn"),
)
"""A task, a model that solves its quick preset, and one that does not."""


def solved_by(task: str, models: list[str], folder: Path, **settings: Any) -> dict[str, bool]:
    found = {}
    for model in models:
        rows = rnnbench.run(
            task, model, preset="quick", seeds=1, store=folder / "trials.db", jobs=1, probes=False,
            contract_checks=False, progress=False, accelerator="cpu", **settings,
        )  # fmt: skip
        assert list(rows["status"]) == ["done"]
        found[model] = bool(rows["solved"].iloc[0])
    return found


def test_a_small_preset_tells_lstm_and_rnn_apart(tmp_path: Path) -> None:
    found = solved_by("anbn[length=100]", ["lstm", "rnn"], tmp_path, steps=600)
    assert found == {"lstm": True, "rnn": False}


@pytest.mark.separation
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("task", "solves", "fails"), SEPARATED)
def test_the_quick_preset_tells_models_apart(
    task: str, solves: str, fails: str, tmp_path: Path
) -> None:
    assert solved_by(task, [solves, fails], tmp_path) == {solves: True, fails: False}
