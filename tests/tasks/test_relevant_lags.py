"""The inputs that tasks declare as needed decide the target, and the others do not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.contract import registry
from rnnbench.contract.task import Batch, GeneratedTask
from rnnbench.probes.gradient.sample import draw_sample, with_needed

SIZES: dict[str, dict[str, Any]] = {
    "adding": {"length": 12},
    "anbn": {"length": 20, "stop": 0.5},
    "anbncn": {"length": 20, "stop": 0.5},
    "associative-recall": {"pairs": 3, "length": 16, "vocab": 16},
    "compression": {"symbols": 3, "bits": 2},
    "copy-memory": {"delay": 4, "symbols": 3},
    "cycle-navigation": {"train_length": 4, "test_length": 9},
    "delayed-match": {"delay": 5, "symbols": 3},
    "duplicate-string": {"train_length": 4, "test_length": 9},
    "dyck": {"length": 30, "types": 3},
    "dyck-1": {"length": 30},
    "even-pairs": {"train_length": 4, "test_length": 9},
    "group-word": {"train_length": 4, "test_length": 9},
    "memorization": {"facts": 9, "values": 4, "key_length": 2, "queries": 3},
    "noisy-recall": {"length": 12, "keys": 2, "values": 3},
    "parity": {"train_length": 4, "test_length": 9},
    "reverse-string": {"train_length": 4, "test_length": 9},
    "selective-copy": {"noisy_length": 9, "tokens": 3, "vocab": 6},
    "temporal-order": {"shortest": 20},
}


def drawn(name: str, **options: Any) -> tuple[GeneratedTask, Batch, Tensor]:
    registered = registry.load().task(name)
    defaults = {key: option.default for key, option in registered.options.items()}
    task = registered.build({**defaults, **SIZES[name], **options})
    assert isinstance(task, GeneratedTask)
    batch = task.sample_test(20, torch.Generator().manual_seed(0))
    if batch.lengths is None:
        full = torch.full((20,), batch.inputs.shape[1])
        batch = dataclasses.replace(batch, lengths=full)
    pairs = task.relevant_lags(batch)
    assert pairs is not None
    return task, batch, pairs


@pytest.mark.parametrize("name", SIZES)
def test_pairs_are_steps_that_the_sequences_have_and_outputs_that_count(name: str) -> None:
    task, batch, pairs = drawn(name)
    sample = draw_sample(
        batch, every=task.steps == "every", generator=torch.Generator().manual_seed(0)
    )
    sample = with_needed(sample, task.relevant_lags)
    assert sample.needed is not None
    assert sample.needed.flatten(1).any(1).all()
    assert len(set(map(tuple, pairs.tolist()))) == len(pairs)
    assert (pairs[:, 2] >= pairs[:, 1]).all()
    if sample.every:
        assert sample.counted[sample.needed.any(1).nonzero().unbind(1)].all()
    else:
        assert batch.lengths is not None
        assert torch.equal(pairs[:, 2], batch.lengths[pairs[:, 0]] - 1)


@pytest.mark.parametrize(
    ("name", "options", "shift"),
    [
        ("copy-memory", {}, 0),
        ("copy-memory", {"variant": "gu-2022"}, 0),
        ("selective-copy", {}, 1),
        ("reverse-string", {}, 0),
        ("duplicate-string", {}, 0),
        ("dyck", {}, -3),
    ],
)
def test_the_target_of_a_copy_is_the_needed_input(
    name: str, options: dict[str, Any], shift: int
) -> None:
    _, batch, pairs = drawn(name, **options)
    sequence, read, written = pairs.unbind(1)
    # dyck closes with the symbol of its opening bracket plus the number of types
    assert torch.equal(batch.inputs[sequence, read], batch.targets[sequence, written] + shift)


def test_the_targets_of_associative_recall_are_the_values_after_their_keys() -> None:
    _, batch, pairs = drawn("associative-recall")
    is_key = pairs[:, 1] % 2 == 0
    sequence, read, written = pairs[is_key].unbind(1)
    assert torch.equal(batch.inputs[sequence, read], batch.inputs[sequence, written])
    sequence, read, written = pairs[~is_key].unbind(1)
    assert torch.equal(batch.inputs[sequence, read], batch.targets[sequence, written])
    assert len(pairs) == 2 * 3 * 20


def test_the_two_needed_numbers_of_adding_have_the_target_as_their_sum() -> None:
    _, batch, pairs = drawn("adding")
    numbers = batch.inputs[pairs[:, 0], pairs[:, 1], 0].view(-1, 2)
    assert torch.allclose(numbers.sum(1, keepdim=True), batch.targets)


def test_even_pairs_needs_the_first_and_the_last_bit() -> None:
    _, batch, pairs = drawn("even-pairs")
    bits = batch.inputs[pairs[:, 0], pairs[:, 1]].view(-1, 2)
    assert torch.equal(bits[:, 0] ^ bits[:, 1], batch.targets)


def test_tasks_without_known_lags_declare_none() -> None:
    registered = registry.load().task("sine-forecasting")
    task = registered.build({key: option.default for key, option in registered.options.items()})
    assert task.relevant_lags(Batch(torch.zeros(2, 20, 1), torch.zeros(2, 1))) is None
