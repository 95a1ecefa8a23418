"""A small network with memory learns every task; one that sees a single step does not."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.builders import build, built_in, write
from tests.tasks.remembering import Gated, OneStep, train

EASY: dict[str, tuple[dict[str, Any], int]] = {
    "copy-memory": ({"delay": 4, "symbols": 1}, 350),
    "adding": ({"length": 8}, 800),
    "parity": ({"train_length": 5, "test_length": 10}, 600),
    "even-pairs": ({"train_length": 5, "test_length": 10}, 500),
    "cycle-navigation": ({"train_length": 5, "test_length": 7}, 1000),
    "bucket-sort": ({"train_length": 5, "test_length": 6, "symbols": 3}, 500),
    "temporal-order": ({"shortest": 20}, 500),
    "delayed-match": ({"delay": 2, "symbols": 4}, 900),
    "selective-copy": ({"noisy_length": 6, "tokens": 2, "vocab": 5}, 600),
    "associative-recall": ({"pairs": 2, "length": 8, "vocab": 8}, 1000),
    "dyck": ({"types": 2, "depth": 2, "length": 20}, 300),
    "group-word": ({"group": "s3", "train_length": 5, "test_length": 7}, 600),
    "anbn": ({"length": 12, "stop": 0.4}, 300),
    "anbncn": ({"length": 12, "stop": 0.5}, 300),
    "dyck-1": ({"length": 20}, 400),
    "regular-language": (
        {"states": 2, "edges": 1, "symbols": 3, "strings": 5, "longest": 3},
        400,
    ),
    "noisy-recall": (
        {"length": 6, "keys": 2, "values": 2, "noise": 0.2, "noise_symbols": 1},
        500,
    ),
    "fuzzy-recall": (
        {"pairs": 2, "key_symbols": 2, "value_symbols": 3, "key_length": 1, "value_length": 2},
        500,
    ),
    "compression": ({"symbols": 3, "bits": 1}, 300),
    "memorization": ({"facts": 8, "values": 8, "key_length": 2, "queries": 3}, 400),
}
"""Options that make a task easy, and the optimizer steps that are enough."""

EASY_WHERE_TRAINED: dict[str, tuple[dict[str, Any], int]] = {
    "modular-arithmetic": ({"train_length": 3, "test_length": 4}, 700),
    "reverse-string": ({"train_length": 3, "test_length": 4}, 300),
    "duplicate-string": ({"train_length": 3, "test_length": 4}, 500),
}
"""Tasks that a gated network learns at the lengths it was trained on, while longer strings stay
hard for it.
"""

EASY_FINITE: dict[str, tuple[dict[str, Any], int]] = {
    "sine-forecasting": ({"points": 1500}, 600),
    "text-classification": ({"sentences": 1000, "distance": 3}, 400),
    "forecasting": ({"window": 6}, 400),
    "polyphonic-music": ({"notes": 6, "period": 3, "frames": 30}, 400),
}
"""Tasks of finite data; the series of ``forecasting`` depends on the value three steps back."""

OWN_TESTS = (
    "char-lm",
    "hidden-state",
    "word-lm",
    "sequential-digits",
    "series-classification",
)
"""Tasks in which a single step is informative too; a test in their own file measures how much."""


def test_no_task_is_left_out() -> None:
    assert sorted([*EASY, *EASY_WHERE_TRAINED, *EASY_FINITE, *OWN_TESTS]) == sorted(built_in())


@pytest.mark.parametrize("name", OWN_TESTS)
def test_the_other_tasks_have_a_test_of_memory_in_their_own_file(name: str) -> None:
    path = Path(__file__).with_name(f"test_{name.replace('-', '_')}.py")
    functions = [
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert any(function.startswith("test_memory_") for function in functions)


@pytest.mark.parametrize("name", EASY_FINITE)
def test_on_finite_data_memory_solves_the_task_and_one_step_does_not(
    name: str, tmp_path: Path
) -> None:
    options, steps = EASY_FINITE[name]
    given = (
        {"path": str(write(tmp_path, "a.csv", three_steps_back(1500)))}
        if name == "forecasting"
        else {}
    )
    task = build(name, **options, **given)
    score = train(task, Gated, steps=steps, learning_rate=1e-2, validate_every=50).score
    assert task.metric.reaches(score, task.solved), f"{score:.4f}, solved from {task.solved:.4f}"
    forgetful = train(task, OneStep, steps=200, learning_rate=1e-2, validate_every=50).score
    skill = (forgetful - task.baseline) / (task.perfect - task.baseline)
    assert skill < 0.1, f"{forgetful:.4f}, baseline {task.baseline:.4f}"


def three_steps_back(points: int) -> str:
    """Return the series x_t = sin(3 x_{t-3}) + e_t / 5, one value per line.

    Linear methods predict little of it, the last value nothing.
    """
    noise = np.random.Generator(np.random.PCG64(0)).standard_normal(points)
    series = noise.copy()
    for t in range(3, points):
        series[t] = np.sin(3 * series[t - 3]) + noise[t] / 5
    return "\n".join(f"{value:.6f}" for value in series)


@pytest.mark.parametrize("name", EASY)
def test_a_network_with_memory_solves_it(name: str) -> None:
    options, steps = EASY[name]
    task = build(name, **options)
    score = train(task, Gated, steps=steps).score
    assert task.metric.reaches(score, task.solved), f"{score:.4f}, solved from {task.solved:.4f}"


@pytest.mark.parametrize("name", EASY_WHERE_TRAINED)
def test_a_network_with_memory_solves_it_at_the_lengths_it_was_trained_on(name: str) -> None:
    options, steps = EASY_WHERE_TRAINED[name]
    task = build(name, **options)
    trained = train(task, Gated, steps=steps)
    assert trained.diagnosis.scores["accuracy at the training lengths"] >= task.solved
    assert trained.score > task.baseline + 0.05


@pytest.mark.parametrize("name", [*EASY, *EASY_WHERE_TRAINED])
def test_a_network_that_sees_one_step_stays_at_the_baseline(name: str) -> None:
    options, _ = (EASY | EASY_WHERE_TRAINED)[name]
    task = build(name, **options)
    score = train(task, OneStep, steps=200).score
    skill = (score - task.baseline) / (task.perfect - task.baseline)
    assert skill < 0.1, f"{score:.4f}, baseline {task.baseline:.4f}"
