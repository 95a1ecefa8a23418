"""Dropout between layers and on the recurrent state."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.plugins.support import ALL, D, H, assert_close, build, sequences

RATE = 0.4


def seeded(core: Any, x: Tensor, seed: int, state: Any = None) -> tuple[Tensor, Any]:
    torch.manual_seed(seed)
    outputs, after = core(x, state)
    return outputs, after


def recurrent_mask(core: Any, seed: int, batch: int) -> Tensor:
    """Return the dropout mask (B, H) of h_0, read from the gradient of the outputs."""
    h = torch.randn(1, batch, H, dtype=torch.float64, requires_grad=True)
    outputs, _ = seeded(core, sequences(batch, 1), seed, (h, torch.zeros_like(h)))
    (gradient,) = torch.autograd.grad(outputs.sum(), h)
    return (gradient[0] != 0).double() / (1 - RATE)


def test_recurrent_dropout_is_one_mask_per_sequence_held_over_all_steps() -> None:
    core = build("lstm", recurrent_dropout=RATE).train()
    batch, x = 16, sequences(16, 7)
    mask = recurrent_mask(core, seed=2, batch=batch)
    assert not torch.equal(mask, mask[:1].expand_as(mask))
    outputs, _ = seeded(core, x, 2)
    h = c = torch.zeros(1, batch, H, dtype=torch.float64)
    for t in range(x.shape[1]):
        # torch's own LSTM with the masked state
        step, (h, c) = core.recurrence(x[:, t : t + 1], (h * mask, c))
        assert_close(outputs[:, t], step[:, 0])


def test_recurrent_dropout_drops_at_its_rate() -> None:
    core = build("lstm", recurrent_dropout=RATE).train()
    kept = torch.cat([recurrent_mask(core, seed, batch=250) for seed in range(4)]) > 0
    deviation = (RATE * (1 - RATE) / kept.numel()) ** 0.5
    assert abs(kept.double().mean().item() - (1 - RATE)) < 4 * deviation


def test_recurrent_dropout_is_off_in_evaluation_and_shares_the_parameters() -> None:
    plain, dropped, x = build("lstm"), build("lstm", recurrent_dropout=RATE), sequences(2, 5)
    assert torch.equal(plain(x)[0], dropped(x)[0])
    assert not torch.allclose(plain(x)[0], dropped.train()(x)[0])
    assert dropped.state_dict().keys() == plain.state_dict().keys()


def test_recurrent_dropout_draws_a_mask_per_layer() -> None:
    core = build("lstm", num_layers=2, recurrent_dropout=RATE).train()
    h = torch.randn(2, 32, H, dtype=torch.float64, requires_grad=True)
    outputs, _ = seeded(core, sequences(32, 1), 0, (h, torch.zeros_like(h)))
    (gradient,) = torch.autograd.grad(outputs.sum(), h)
    below, above = gradient != 0
    assert not torch.equal(below, above)


@pytest.mark.parametrize("name", ALL)
def test_dropout_between_layers_acts_in_training_only(name: str) -> None:
    core, x = build(name, num_layers=2, dropout=RATE), sequences(2, 5)
    assert torch.equal(core(x)[0], core(x)[0])
    core.train()
    assert not torch.equal(seeded(core, x, 0)[0], seeded(core, x, 1)[0])
    assert torch.equal(seeded(core, x, 0)[0], seeded(core, x, 0)[0])


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_dropout_of_the_loop_is_drawn_per_step_between_layers_only(name: str) -> None:
    """The state of the first layer is unchanged; the second layer reads inputs with dropout."""
    core, x = build(name, num_layers=2, dropout=RATE, impl="reference"), sequences(2, 5)
    kept = core(x)[1]
    core.train()
    dropped = seeded(core, x, 0)[1]
    first = (kept[0], dropped[0]) if name == "lstm" else (kept, dropped)
    assert torch.equal(first[0][0], first[1][0])
    assert not torch.allclose(first[0][1], first[1][1])


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_the_loop_drops_nothing_in_evaluation(name: str) -> None:
    options: dict[str, Any] = {"recurrent_dropout": RATE} if name == "lstm" else {}
    core = build(name, num_layers=2, dropout=RATE, impl="reference", **options)
    x = sequences(2, 5)
    assert_close(core(x)[0], build(name, num_layers=2)(x)[0])


def test_mean_of_dropped_layers_is_the_undropped_one_in_a_linear_network() -> None:
    """With relu above zero and no recurrence in layer 2, the network is linear in the mask."""
    core = build("rnn", num_layers=2, dropout=RATE, nonlinearity="relu", impl="reference")
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.abs_()
        core.recurrence.bias_ih_l1.fill_(1.0)
        core.recurrence.weight_hh_l1.zero_()
        x = sequences(1, 1).abs().expand(20_000, 1, D)
        wanted = core(x[:1])[0]
        found = seeded(core.train(), x, 0)[0]
    error = found.std(dim=0, keepdim=True) / x.shape[0] ** 0.5
    assert bool(((found.mean(dim=0, keepdim=True) - wanted).abs() < 4 * error).all())
