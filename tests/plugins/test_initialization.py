"""Every parameter starts as in the table of plugins/_common/initialization.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from tests.plugins.support import ALL, D, H, assert_close, build

GATES = {"rnn": 1, "gru": 3, "lstm": 4, "bilstm": 4, "attention-lstm": 4}
INPUT, FORGET = slice(0, H), slice(H, 2 * H)


@pytest.mark.parametrize("name", ALL)
def test_recurrent_blocks_are_orthogonal_and_input_blocks_glorot(name: str) -> None:
    core = build(name, num_layers=2)
    blocks = 0
    for input_weight, recurrent_weight, *_ in core.recurrence.all_weights:
        for block in recurrent_weight.chunk(GATES[name]):
            assert_close(block @ block.T, torch.eye(H, dtype=torch.float64), 1e-6)
            blocks += 1
        bound = math.sqrt(6 / (input_weight.shape[1] + H))
        assert 0.8 * bound < input_weight.abs().max() <= bound
    assert blocks == GATES[name] * 2 * (2 if name == "bilstm" else 1)


@pytest.mark.parametrize("name", ALL)
def test_biases_sum_to_zero_but_for_the_forget_gate(name: str) -> None:
    options: dict[str, Any] = {"forget_bias": 2.5} if GATES[name] == 4 else {}
    core = build(name, num_layers=2, **options)
    for _, _, input_bias, recurrent_bias, *_ in core.recurrence.all_weights:
        wanted = torch.zeros_like(input_bias)
        if GATES[name] == 4:
            wanted[FORGET] = 2.5
        assert torch.equal(input_bias + recurrent_bias, wanted)


def test_forget_bias_is_one_by_default() -> None:
    for name in ("lstm", "bilstm", "attention-lstm"):
        lstm = build(name).recurrence
        assert torch.equal(
            (lstm.bias_ih_l0 + lstm.bias_hh_l0)[FORGET], torch.ones(H, dtype=torch.float64)
        )


@pytest.mark.parametrize("impl", ["fused", "reference"])
def test_a_larger_update_bias_keeps_the_state_of_a_gru_longer(impl: str) -> None:
    kept = []
    for bias in (-2.0, 0.0, 2.0):
        core = build("gru", num_layers=2, update_bias=bias, impl=impl)
        with torch.no_grad():
            for weights in core.recurrence.all_weights:
                weights[0].zero_()
                weights[1].zero_()
        state = torch.ones(2, 1, H, dtype=torch.float64)
        _, after = core(torch.zeros(1, 1, D, dtype=torch.float64), state)
        kept.append(float(after.detach()[0, 0, 0]))
    # without inputs and recurrent weights a step multiplies the state by the open share of the gate
    assert kept == pytest.approx([1 / (1 + math.exp(-bias)) for bias in (-2.0, 0.0, 2.0)])


def test_the_update_bias_draws_no_numbers_and_sets_its_gate_alone() -> None:
    default, biased = build("gru").recurrence, build("gru", update_bias=1.5).recurrence
    assert torch.equal(default.weight_ih_l0, biased.weight_ih_l0)
    assert torch.equal(default.weight_hh_l0, biased.weight_hh_l0)
    total = biased.bias_ih_l0 + biased.bias_hh_l0
    assert total.tolist() == [0.0] * H + [1.5] * H + [0.0] * H
    assert not default.bias_ih_l0.any()
    assert not default.bias_hh_l0.any()


def test_blocks_are_drawn_one_by_one() -> None:
    one, other = build("gru").recurrence.weight_hh_l0.chunk(3)[:2]
    assert not torch.allclose(one, other)


def test_projection_has_orthonormal_rows_and_recurrent_blocks_orthonormal_columns() -> None:
    lstm = build("lstm", proj_size=2).recurrence
    assert_close(lstm.weight_hr_l0 @ lstm.weight_hr_l0.T, torch.eye(2, dtype=torch.float64), 1e-6)
    for block in lstm.weight_hh_l0.chunk(4):  # (H, P)
        assert_close(block.T @ block, torch.eye(2, dtype=torch.float64), 1e-6)


@pytest.mark.parametrize(("name", "module"), [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_torch_init_is_what_torch_draws(name: str, module: Callable[..., nn.RNNBase]) -> None:
    ours = build(name, seed=3, num_layers=2, init="torch").recurrence
    torch.manual_seed(3)
    theirs = module(D, H, 2).double()
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)


def test_identity_init_copies_the_state() -> None:
    rnn = build("rnn", 50, 40, nonlinearity="relu", init="identity").recurrence
    assert torch.equal(rnn.weight_hh_l0, torch.eye(40, dtype=torch.float64))
    assert rnn.weight_ih_l0.std().item() == pytest.approx(0.001, rel=0.1)
    assert not rnn.bias_ih_l0.any()
    assert not rnn.bias_hh_l0.any()


@pytest.mark.parametrize("impl", ["fused", "reference"])
def test_chrono_biases_follow_the_published_law(impl: str) -> None:
    """exp(b_f) is uniform in [1, T_max - 1] and b_i = -b_f, for the sums of torch's two biases."""
    longest, units = 200, 1000
    lstm = build("lstm", 2, units, init="torch", chrono=longest, impl=impl).recurrence
    bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
    assert torch.equal(bias[:units], -bias[units : 2 * units])
    scales = bias[units : 2 * units].exp().numpy()
    assert scales.min() >= 1 - 1e-6
    assert scales.max() <= longest - 1 + 1e-4
    assert stats.kstest(scales, stats.uniform(1, longest - 2).cdf).pvalue > 0.01


def test_chrono_units_forget_on_scales_up_to_the_longest() -> None:
    """Without input a cell decays by sigmoid(b_f) per step; 1 / (1 - sigmoid(b_f)) <= T_max."""
    core = build("lstm", 2, 400, chrono=100)
    with torch.no_grad():
        core.recurrence.weight_hh_l0.zero_()
        state = (
            torch.zeros(1, 1, 400, dtype=torch.float64),
            torch.ones(1, 1, 400, dtype=torch.float64),
        )
        _, (_, cell) = core(torch.zeros(1, 1, 2, dtype=torch.float64), state)
    scale = 1 / (1 - cell.flatten().numpy())
    assert np.all((scale > 2 - 1e-4) & (scale < 100 + 1e-2))
    assert scale.max() > 90


def test_chrono_draws_each_layer_independently() -> None:
    lstm = build("lstm", num_layers=2, chrono=50).recurrence
    assert not torch.equal(lstm.bias_ih_l0[INPUT], lstm.bias_ih_l1[INPUT])


def test_attention_weights_are_glorot() -> None:
    core = build("attention-lstm", 3, 30, attention_size=20)
    for weight, fans in ((core.key.weight, 50), (core.query.weight, 50), (core.score.weight, 21)):
        bound = math.sqrt(6 / fans)
        assert 0.8 * bound < weight.abs().max() <= bound
