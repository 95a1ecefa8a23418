"""The classics beyond the contract: initialisation, constraints, limits, and what each is for."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.plugins.support import assert_close, build, gradients, models, sequences

STEPS = 2_000
RECURRENT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("irnn", {}),
    ("indrnn", {"init": "memory"}),
    ("radius-rnn", {}),
    ("orthogonal-rnn", {}),
    ("orthogonal-rnn", {"map": "cayley"}),
    ("mgu", {}),
    ("ugrnn", {}),
    ("gru-reset-before", {}),
    ("peephole-lstm", {}),
    ("coupled-lstm", {}),
    ("no-forget-lstm", {}),
    ("layer-norm-lstm", {}),
    ("clockwork-rnn", {}),
    ("antisymmetric-rnn", {}),
    ("antisymmetric-rnn", {"gated": True}),
    ("cornn", {}),
    ("lem", {}),
    ("fast-weights", {}),
)


def layer(name: str, hidden_size: int = 16, **options: Any) -> Any:
    """Return the only layer of a core of the kit, with D = 3."""
    return build(name, 3, hidden_size, 0, **options).layers[0]


@pytest.mark.parametrize(("name", "options"), RECURRENT)
def test_two_thousand_steps_in_single_precision(name: str, options: dict[str, Any]) -> None:
    """The whole in float32 is finite, and is what chunks give, to rounding."""
    core = build(name, 3, 16, **options).float()
    x = sequences(2, STEPS).float()
    with torch.no_grad():
        whole, _ = core(x)
        state, parts = None, []
        for chunk in torch.split(x, [700, 1, 1_299], dim=1):
            outputs, state = core(chunk, state)
            parts.append(outputs)
    assert whole.isfinite().all()
    scale = float(whole.abs().max())
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("name", ["mgu", "ugrnn", "gru-reset-before", "lem", "fast-weights"])
def test_every_hidden_size_from_one(name: str) -> None:
    for size in (1, 2, 3, 7):
        outputs, _ = build(name, 3, size)(sequences(2, 4))
        assert outputs.shape == (2, 4, size)
        assert outputs.isfinite().all()


def test_irnn_is_rnn_with_relu_and_identity() -> None:
    cell, known = layer("irnn"), build("rnn", 3, 16, nonlinearity="relu", init="identity")
    known.recurrence.weight_ih_l0.data.copy_(cell.into.weight)
    x = sequences(2, 9)
    assert torch.equal(cell.recurrent, torch.eye(16).double())
    assert_close(cell(x)[0], known(x)[0])


@pytest.mark.parametrize("init", ["orthogonal", "gaussian"])
@pytest.mark.parametrize("size", [1, 7, 32])
def test_the_recurrent_matrix_starts_with_the_radius_asked_for(init: str, size: int) -> None:
    cell = layer("radius-rnn", size, init=init, init_radius=0.7)
    largest = float(torch.linalg.eigvals(cell.recurrent.detach()).abs().max())
    assert largest == pytest.approx(0.7, rel=1e-5)


@pytest.mark.parametrize("radius", [0.5, 0.9, 1.0, 1.1])
def test_a_linear_orthogonal_network_follows_its_radius_exactly(radius: float) -> None:
    cell = layer("radius-rnn", 16, nonlinearity="linear", init_radius=radius)
    found = gradient_norms(cell, 30)
    assert found == pytest.approx([radius**lag for lag in range(1, 31)], rel=1e-5)


def test_a_gaussian_linear_network_follows_its_radius_asymptotically() -> None:
    """An independent truth: the norm of the power of the matrix itself, by its eigenvalues."""
    cell = layer("radius-rnn", 16, nonlinearity="linear", init="gaussian", init_radius=0.9)
    found = gradient_norms(cell, 400)
    rate = math.log(found[399] / found[199]) / 200
    assert rate == pytest.approx(math.log(0.9), rel=0.1)
    early = math.log(found[4] / found[0]) / 4
    assert early != pytest.approx(math.log(0.9), rel=0.1)


def test_saturation_makes_the_gradient_of_a_tanh_network_vanish_above_radius_one() -> None:
    cell = layer("radius-rnn", 16, init_radius=1.1)
    assert gradient_norms(cell, 200, inputs=1.0)[-1] < 1e-3
    linear = layer("radius-rnn", 16, init_radius=1.1, nonlinearity="linear")
    assert gradient_norms(linear, 200, inputs=1.0)[-1] > 1e3


def test_gaussian_weights_refuse_widths_whose_radius_would_take_hours() -> None:
    with pytest.raises(ValueError, match="init=orthogonal"):
        build("radius-rnn", 3, 2049, init="gaussian")


def gradient_norms(cell: Any, steps: int, inputs: float = 0.0) -> list[float]:
    """Return |d<v, h_T> / d h_{T-k}| for k = 1 .. steps and one unit vector v."""
    h = torch.zeros(1, cell.hidden_size, dtype=torch.float64, requires_grad=True)
    states, x = [h], inputs * sequences(1, steps)
    for projected in cell.project(x).unbind(1):
        h, _ = cell.step(projected, h)
        states.append(h)
    v = torch.nn.functional.normalize(torch.ones_like(h), dim=-1)
    found = torch.autograd.grad((h * v).sum(), states[:-1])
    return [float(each.norm()) for each in reversed(found)]


def test_indrnn_keeps_its_bound() -> None:
    core = build("indrnn", 3, 64, horizon=100, max_gain=2.0)
    (cell,) = core.layers
    with torch.no_grad():
        cell.recurrent.uniform_(-2, 2)
        core.after_step()
    largest = float(cell.recurrent.detach().abs().max())
    assert largest == pytest.approx(2 ** (1 / 100))
    assert largest**100 == pytest.approx(2)


def test_indrnn_starts_with_short_or_with_long_memories() -> None:
    short, long = (layer("indrnn", 1_000, init=init).recurrent for init in ("uniform", "memory"))
    assert short.min() < 0.01
    assert 0.45 < short.mean() < 0.55
    assert (long**1_000).min() >= 0.5 - 1e-5
    assert (long**1_000).max() <= 2 + 1e-5


def test_indrnn_refuses_a_range_that_is_empty() -> None:
    with pytest.raises(ValueError, match="max_gain"):
        build("indrnn", init="memory", max_gain=0.1)


@pytest.mark.parametrize("mapped", ["exp", "cayley"])
@pytest.mark.parametrize("size", [1, 7, 16])
def test_recurrent_weights_stay_orthogonal(mapped: str, size: int) -> None:
    cell = layer("orthogonal-rnn", size, map=mapped)
    with torch.no_grad():
        cell.skew.add_(3 * torch.randn_like(cell.skew))
    recurrent = cell.weights()["recurrent"]
    assert_close(recurrent @ recurrent.t(), torch.eye(size).double())
    assert torch.linalg.det(recurrent) > 0


def test_an_orthogonal_network_keeps_gradients_over_two_thousand_steps() -> None:
    cell = layer("orthogonal-rnn", 16)
    with torch.no_grad():
        cell.bias.zero_()
    projected = torch.zeros(1, STEPS, 16, dtype=torch.float64)
    start = torch.randn(1, 16, dtype=torch.float64, requires_grad=True)
    recurrent = cell.weights()["recurrent"]
    h = start
    for each in projected.unbind(1):
        _, h = cell.step(each, h, recurrent=recurrent)
    direction = torch.nn.functional.normalize(torch.randn_like(h), dim=1)
    (gradient,) = torch.autograd.grad((h * direction).sum(), start)
    assert float(gradient.norm()) == pytest.approx(1, rel=1e-9)


def test_the_cayley_start_turns_by_less_than_a_right_angle() -> None:
    recurrent = layer("orthogonal-rnn", 64, map="cayley").weights()["recurrent"]
    assert torch.linalg.eigvals(recurrent).real.min() >= -1e-9


def test_orthogonal_entries_are_trained_slowly() -> None:
    (group,) = build("orthogonal-rnn").parameter_groups()
    assert list(group.names) == ["layers.0.skew"]
    assert (group.learning_rate_factor, group.weight_decay) == (0.1, 0.0)


@pytest.mark.parametrize(
    ("name", "option", "gate", "gates"),
    [
        ("mgu", "gate_bias", 0, 2),
        ("ugrnn", "update_bias", 0, 2),
        ("gru-reset-before", "update_bias", 1, 3),
        ("peephole-lstm", "forget_bias", 1, 4),
        ("coupled-lstm", "forget_bias", 0, 3),
        ("layer-norm-lstm", "forget_bias", 1, 4),
    ],
)
def test_a_bias_reaches_its_gate_alone(name: str, option: str, gate: int, gates: int) -> None:
    biases = layer(name, 16, **{option: 2.5}).into.bias.detach().chunk(gates)
    assert [float(each.unique()) for each in biases] == [2.5 * (at == gate) for at in range(gates)]


@pytest.mark.parametrize("name", ["ugrnn", "gru-reset-before", "coupled-lstm"])
def test_an_open_gate_keeps_the_state(name: str) -> None:
    option = "forget_bias" if "lstm" in name else "update_bias"
    cell = layer(name, 16, **{option: 100.0})
    given = torch.randn(2, 16, dtype=torch.float64)
    state = (given, given) if "lstm" in name else given
    _, after = cell(sequences(2, 30), state)
    assert_close(after[1] if "lstm" in name else after, given)


def test_recurrent_weights_of_each_gate_are_orthogonal() -> None:
    for block in layer("gru-reset-before").recurrent.chunk(3):
        assert_close(block @ block.t(), torch.eye(16).double(), 1e-6)


def test_peepholes_of_zero_are_the_lstm() -> None:
    cell, known = layer("peephole-lstm"), build("lstm", 3, 16)
    with torch.no_grad():
        known.recurrence.weight_ih_l0.copy_(cell.into.weight)
        known.recurrence.weight_hh_l0.copy_(cell.recurrent)
        known.recurrence.bias_ih_l0.copy_(cell.into.bias)
    x = sequences(2, 9)
    assert_close(cell(x)[0], known(x)[0])


def test_layer_norm_ignores_the_scale_of_its_weights() -> None:
    cell = layer("layer-norm-lstm", 16)
    x = sequences(2, 9)
    before, _ = cell(x)
    with torch.no_grad():
        cell.into.weight.mul_(1_000)
        cell.recurrent.mul_(1_000)
    assert_close(cell(x)[0], before, 1e-3)


def test_clockwork_groups_change_at_their_periods_alone() -> None:
    cell = layer("clockwork-rnn", 10, num_groups=4)
    assert cell.periods.tolist() == [1, 1, 1, 2, 2, 2, 4, 4, 8, 8]
    outputs, (_, count) = cell(sequences(1, 21))
    assert count.tolist() == [[21 % 8]]
    changed = (outputs[0, 1:] != outputs[0, :-1]).tolist()
    for step, row in enumerate(changed, start=1):
        assert row == [step % period == 0 for period in cell.periods.tolist()]


def test_clockwork_groups_read_no_faster_one() -> None:
    cell = layer("clockwork-rnn", 10, num_groups=4)
    recurrent = cell.weights()["recurrent"]
    slower = cell.periods[None, :] >= cell.periods[:, None]
    assert (recurrent[slower] != 0).all()
    assert (recurrent[~slower] == 0).all()
    assert sum(block.numel() for block in cell.recurrent) == int(slower.sum())


def test_sequences_of_a_batch_may_be_at_different_counts() -> None:
    cell = layer("clockwork-rnn", 10, num_groups=4)
    x = sequences(1, 8)
    _, early = cell(x[:, :3])
    _, late = cell(x[:, :5])
    both = tuple(torch.cat(pair) for pair in zip(early, late, strict=True))
    together, _ = cell(torch.cat([x[:, 3:6], x[:, 5:8]]), both)
    assert_close(together[:1], cell(x)[0][:, 3:6])
    assert_close(together[1:], cell(x)[0][:, 5:8])


def test_clockwork_groups_need_a_unit_each() -> None:
    with pytest.raises(ValueError, match="num_groups=4 or less"):
        build("clockwork-rnn", 3, 4, num_groups=8)


def test_the_antisymmetric_system_neither_grows_nor_decays() -> None:
    cell = layer("antisymmetric-rnn", 16, diffusion=0.2)
    eigenvalues = torch.linalg.eigvals(cell.weights()["recurrent"])
    assert_close(eigenvalues.real, torch.full((16,), -0.2).double(), 1e-7)


def test_oscillators_that_would_grow_are_refused() -> None:
    with pytest.raises(ValueError, match="smaller step_size"):
        build("cornn", step_size=1.0, frequency=5.0, damping=0.5)
    with pytest.raises(ValueError, match="smaller step_size"):
        build("cornn", step_size=1.0, frequency=0.1, damping=2.5)


def test_oscillators_come_to_rest_without_input() -> None:
    for options in ({}, {"step_size": 0.06, "frequency": 66.0, "damping": 15.0}):
        cell = layer("cornn", 16, **options)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.zero_()
        one = torch.ones(1, 16, dtype=torch.float64)
        outputs, _ = cell(torch.zeros(1, STEPS, 3, dtype=torch.float64), (one, one))
        assert outputs.abs().max() < 3
        assert outputs[:, -1].abs().max() < 1e-6


def test_lem_keeps_its_states_within_the_range_of_tanh() -> None:
    outputs, (y, z) = layer("lem")(100 * sequences(2, 200))
    assert outputs.abs().max() <= 1
    assert torch.cat([y, z]).abs().max() <= 1


def test_fast_weights_recall_the_state_that_resembles_the_present() -> None:
    """A is the sum of decayed outer products of the states before."""
    cell = layer("fast-weights", decay=0.9, rate=0.5)
    outputs, (_, fast) = cell(sequences(1, 6))
    past = outputs[0, :-1]
    weights = 0.5 * 0.9 ** torch.arange(4, -1, -1)
    assert_close(fast[0], torch.einsum("t,ti,tj->ij", weights.double(), past, past), 1e-6)


def test_bigru_with_padding_gives_what_packing_gives() -> None:
    core, x = build("bigru", num_layers=2), sequences(4, 6).requires_grad_()
    lengths = torch.tensor([3, 6, 1, 4])
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    wanted, _ = pad_packed_sequence(core.recurrence(packed)[0], batch_first=True)
    found, state = core(x, lengths=lengths)
    assert state is None
    assert_close(found, wanted)
    pairs = zip(
        gradients(found.square().sum(), x, core).values(),
        gradients(wanted.square().sum(), x, core).values(),
        strict=True,
    )
    for one, other in pairs:
        assert_close(one, other)


def test_bigru_takes_a_state_or_lengths() -> None:
    core, x = build("bigru"), sequences(2, 3)
    _, state = core(x)
    assert state.shape == (2, 2, 4)
    with pytest.raises(ValueError, match="either state or lengths"):
        core(x, state, lengths=torch.tensor([3, 2]))


def test_bigru_is_registered_as_looking_ahead() -> None:
    assert not models()["bigru"].causal
    assert isinstance(build("bigru").recurrence, nn.GRU)
