"""Attention against its plain definition, which materialises (B, T, T, A)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call

from tests.plugins.support import D, H, assert_close, build, gradients, sequences

A = 5


def naive_weights(core: Any, hidden: Tensor) -> Tensor:
    """Compute alpha (B, T, T) straight from the equation."""
    energy = core.key(hidden).unsqueeze(1) + core.query(hidden).unsqueeze(2)
    energy = torch.tanh(energy)  # (B, T, T, A)
    scores: Tensor = core.score(energy).squeeze(-1)
    later = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(dim=-1)


def naive(core: Any, x: Tensor) -> Tensor:
    hidden, _ = core.recurrence(x)
    return torch.cat([naive_weights(core, hidden) @ hidden, hidden], dim=-1)


@settings(deadline=None, max_examples=15)
@given(steps=st.integers(1, 14), batch=st.integers(1, 3))
def test_outputs_and_every_gradient_equal_the_definition(steps: int, batch: int) -> None:
    core, x = build("attention-lstm", attention_size=A), sequences(batch, steps).requires_grad_()
    outputs, wanted = core(x)[0], naive(core, x)
    assert_close(outputs, wanted)
    weight = sequences(batch, steps, 2 * H, seed=4)
    found, expected = (gradients((each * weight).sum(), x, core) for each in (outputs, wanted))
    for name in expected:
        assert_close(found[name], expected[name])


def test_gradients_agree_with_finite_differences() -> None:
    core = build("attention-lstm", 2, 2, attention_size=3)
    names = [name for name, _ in core.named_parameters()]
    x = sequences(2, 5, 2).requires_grad_()

    def outputs(x: Tensor, *values: Tensor) -> Tensor:
        result: Tensor = functional_call(core, dict(zip(names, values, strict=True)), (x,))[0]
        return result

    assert torch.autograd.gradcheck(outputs, (x, *core.parameters()))


def test_gradients_reach_the_remembered_steps_of_a_state() -> None:
    core, x = build("attention-lstm"), sequences(2, 8).requires_grad_()
    _, state = core(x[:, :5])
    chunked = gradients(core(x[:, 5:], state)[0].square().sum(), x, core)
    whole = gradients(core(x)[0][:, 5:].square().sum(), x, core)
    for name in whole:
        assert_close(chunked[name], whole[name])


@settings(deadline=None, max_examples=15)
@given(lengths=st.lists(st.integers(1, 7), min_size=2, max_size=4))
def test_one_prediction_at_the_end_is_the_one_at_the_last_valid_step(lengths: list[int]) -> None:
    core, x = build("attention-lstm", num_layers=2), sequences(len(lengths), 7)
    outputs, _ = core(x)
    for row, length in enumerate(lengths):
        x[row, length:] = torch.nan
    last = core.forward_last(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        assert_close(last[row], outputs[row, length - 1])
    assert_close(core.forward_last(x[:, : min(lengths)]), outputs[:, min(lengths) - 1])


def test_weights_are_causal_sum_to_one_and_make_the_context() -> None:
    core, x, lengths = build("attention-lstm", attention_size=A), sequences(3, 7), [7, 3, 5]
    weights = core.attention(x, torch.tensor(lengths))
    hidden, _ = core.recurrence(x)
    wanted = naive_weights(core, hidden)
    assert not weights.triu(1).any()
    for row, length in enumerate(lengths):
        assert_close(weights[row, :length], wanted[row, :length])
        assert_close(weights[row, :length].sum(-1), torch.ones(length, dtype=torch.float64))
        assert not weights[row, length:].any()
        assert not weights[row, :, length:].any()
    assert_close((core.attention(x) @ hidden), core(x)[0][..., :H])


def test_equal_keys_share_the_weight_evenly() -> None:
    core = build("attention-lstm")
    torch.nn.init.zeros_(core.score.weight)
    weights = core.attention(sequences(1, 4))[0]
    assert_close(
        weights, torch.ones(4, 4, dtype=torch.float64).tril() / torch.arange(1, 5).unsqueeze(1)
    )


def test_plot_shows_the_first_sequence_up_to_its_valid_end() -> None:
    core, x = build("attention-lstm"), sequences(2, 130)
    (short,) = core.plots(x, torch.tensor([6, 130]))
    assert_close(torch.tensor(short.values, dtype=torch.float64), core.attention(x[:1, :6])[0])
    (long,) = core.plots(x)
    assert_close(torch.tensor(long.values, dtype=torch.float64), core.attention(x)[0, 30:, 30:])
    assert "steps 31 to 130" in long.title


def test_declared_width_is_context_and_query() -> None:
    core = build("attention-lstm", D, 6, attention_size=2)
    assert core.output_size == core(sequences(2, 3))[0].shape[-1] == 12


def has_lstm_in_bfloat16() -> bool:
    """Return whether torch's own LSTM runs in bfloat16 on this processor."""
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.nn.LSTM(2, 2, batch_first=True)(torch.zeros(1, 2, 2))
    except RuntimeError:
        return False
    return True


@pytest.mark.skipif(not has_lstm_in_bfloat16(), reason="no LSTM in bfloat16 on this processor")
@pytest.mark.parametrize("last", [False, True])
def test_mixed_precision_stays_close(last: bool) -> None:
    core, x = build("attention-lstm", 8, 8).float(), sequences(4, 12, 8).float()

    def run() -> Tensor:
        outputs: Tensor = core.forward_last(x) if last else core(x)[0]
        return outputs

    wanted = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = run()
    torch.autograd.backward(found.float().sum())
    assert_close(found.float(), wanted, 0.05)
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all()
        for parameter in core.parameters()
    )
