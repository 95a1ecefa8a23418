"""Trials of networks at their initialisation, whose gradient, size or speed is measured."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench import Suite

ONE_STEP = {"steps": 1, "validate_every": 1, "validation_size": 10, "test_size": 10}
"""The shortest training, after which size and speed are measured."""

_SETTINGS = {
    # one optimizer step at a rate that moves no weight by a visible amount
    "steps": 1,
    "validate_every": 1,
    "learning_rate": 1e-8,
    "batch_size": 8,
    "validation_size": 16,
    "test_size": 64,
}


def untrained(models: Sequence[str], *, seeds: int, quick_seeds: int, length: int = 200) -> Suite:
    """Return trials on the adding task, whose inputs are random at every step.

    Gradients of 64 units are measured over ``length`` steps, in the preset ``quick`` over 100.
    """
    return Suite.of(
        tasks=[f"adding[length={length}]"],
        models=list(models),
        hidden_size=64,
        seeds=seeds,
        settings=_SETTINGS,
        presets={"quick": {"tasks": ["adding[length=100]"], "seeds": quick_seeds}},
    )
