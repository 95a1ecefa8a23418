"""A test part of unknown symbols: its share is recorded, and no score on it solves the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract import registry
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Learning
from tests.golden.trials import one_thread
from tests.tasks.builders import build, write

WORDS = "anna saw the fox near the tree . "


def shifted(known: int) -> str:
    """A text of 800 known words; then 200, of which every ``known``-th is known."""
    test = " ".join("anna" if k % known == 0 else f"new{k}" for k in range(200))
    return WORDS * 100 + test


def trained(task: str) -> Learning:
    known = registry.load()
    settings: dict[str, Any] = {"steps": 150, "batch_size": 16, "learning_rate": 0.02}
    (spec,) = make_plan(Request([task], ["gru"], 1, hidden_size=16, settings=settings), known)
    with one_thread():
        result = run_trial(TrialJob(spec=spec, options=TrialOptions(probes=False)), known)
    assert result.learning, result.error
    return result.learning


def test_a_test_of_unknown_words_solves_nothing() -> None:
    learning = trained("word-lm[sentences=300,vocab=3,window=15]")  # known are "the" and one more
    assert learning.score < learning.solved_threshold, "better than every n-gram model"
    assert learning.extra_scores["unknown words, share of the test targets"] > 0.7
    assert not learning.solved
    assert learning.steps_to_solve is None
    assert learning.unsolvable == (
        "74 % of the words of the test part are unknown; above 20 % no score counts as solved"
    )


def test_no_unknown_words_no_remark() -> None:
    task = build("word-lm", sentences=300)
    assert task.unsolvable is None
    assert task.diagnose(lambda inputs, _lengths: inputs, task.splits().test).scores == {}


def test_a_shifted_text_is_all_unknown(tmp_path: Path) -> None:
    task = build("word-lm", path=str(write(tmp_path, "shift.txt", shifted(1000))), window=5)
    assert task.unknown_share == 1
    assert task.unsolvable.startswith("100 % of the words")


@pytest.mark.parametrize(("every", "share"), [(2, 0.5), (3, 2 / 3)])
def test_the_share_is_that_of_the_targets(tmp_path: Path, every: int, share: float) -> None:
    path = str(write(tmp_path, "a.txt", shifted(every)))
    task = build("word-lm", path=path, window=99, validation=0.1)
    assert task.unknown_share == pytest.approx(share, abs=0.01)
    targets = task.splits().test.targets
    assert task.unknown_share == float((targets == 0).double().mean())


def test_characters_count_alike(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.txt", "anna saw " * 100 + "ÄÖÜ" * 40))
    task = build("char-lm", path=path, window=9, train=0.8, validation=0.1)
    assert task.unsolvable.startswith("100 % of the characters of the test part are unknown")
