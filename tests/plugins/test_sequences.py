"""Carry-over of the state, padding, and independence of the sequences in a batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.core import state_tensors
from tests.plugins.support import (
    ALL,
    CAUSAL,
    assert_close,
    assert_same_state,
    build,
    gradients,
    sequences,
)

RUNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rnn", {"nonlinearity": "relu"}),
    ("rnn", {"num_layers": 2, "impl": "reference"}),
    ("gru", {"num_layers": 2}),
    ("gru", {"impl": "reference"}),
    ("lstm", {"num_layers": 2, "proj_size": 2}),
    ("lstm", {"num_layers": 2, "impl": "reference"}),
    ("attention-lstm", {"num_layers": 2, "attention_size": 3}),
)
causal_runs = pytest.mark.parametrize(("name", "options"), RUNS, ids=str)
every_run = pytest.mark.parametrize(
    ("name", "options"), [*RUNS, ("bilstm", {"num_layers": 2})], ids=str
)
STEPS = 9


def test_every_model_is_run_here() -> None:
    assert {name for name, _ in RUNS} == set(CAUSAL)


@causal_runs
@settings(deadline=None, max_examples=15)
@given(cuts=st.sets(st.integers(1, STEPS - 1)))
def test_any_cut_of_a_sequence_gives_the_same_outputs_and_state(
    name: str, options: dict[str, Any], cuts: set[int]
) -> None:
    core, x = build(name, **options), sequences(2, STEPS)
    whole, last = core(x)
    pieces, state = [], None
    for chunk in torch.tensor_split(x, sorted(cuts), dim=1):
        outputs, state = core(chunk, state)
        pieces.append(outputs)
    assert_close(torch.cat(pieces, dim=1), whole)
    assert_same_state(state, last)


@every_run
@settings(deadline=None, max_examples=15)
@given(lengths=st.lists(st.integers(1, STEPS), min_size=2, max_size=4))
def test_a_padded_batch_is_each_sequence_alone(
    name: str, options: dict[str, Any], lengths: list[int]
) -> None:
    core, x = build(name, **options), sequences(len(lengths), STEPS)
    for row, length in enumerate(lengths):
        x[row, length:] = torch.nan  # a module that reads padding returns NaN
    outputs, state = core(x, lengths=torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone, last = core(x[row : row + 1, :length])
        assert_close(outputs[row, :length], alone[0])
        assert not outputs[row, length:].any()
        # attention-lstm keeps a state as long as the batch; bilstm returns none
        if name in ("attention-lstm", "bilstm"):
            continue
        assert_same_state([part[:, row : row + 1] for part in state_tensors(state)], last)


@causal_runs
def test_ragged_chunks_continue_each_sequence_where_it_ended(
    name: str, options: dict[str, Any]
) -> None:
    core, first, second = build(name, **options), sequences(3, 5, seed=1), sequences(3, 4, seed=2)
    ends, next_ends = [5, 2, 3], [1, 4, 2]
    _, state = core(first, lengths=torch.tensor(ends))
    outputs, state = core(second, state, torch.tensor(next_ends))
    third, _ = core(first, state)
    for row, (end, next_end) in enumerate(zip(ends, next_ends, strict=True)):
        whole = torch.cat([first[row, :end], second[row, :next_end], first[row]]).unsqueeze(0)
        alone = core(whole)[0][0]
        assert_close(outputs[row, :next_end], alone[end : end + next_end])
        assert_close(third[row], alone[end + next_end :])


@every_run
def test_no_gradient_comes_from_padding(name: str, options: dict[str, Any]) -> None:
    core, lengths = build(name, **options), torch.tensor([2, 5])
    x = sequences(2, 5)
    x[0, 2:] = torch.nan
    x.requires_grad_()
    found = gradients(core(x, lengths=lengths)[0].square().sum(), x, core)
    assert not found["x"][0, 2:].any()
    for name_, gradient in found.items():
        assert gradient.isfinite().all(), name_


@pytest.mark.parametrize("name", ALL)
def test_cores_run_in_single_and_double_precision(name: str) -> None:
    core, x = build(name), sequences(2, 4)
    double, _ = core(x)
    single, _ = core.float()(x.float())
    assert (double.dtype, single.dtype) == (torch.float64, torch.float32)
    assert_close(single.double(), double, 1e-5)
