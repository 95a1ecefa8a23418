"""Influence of replaced inputs, against cores whose memory is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract.task import Batch, Bits, Space, Steps, Tokens, Vectors
from rnnbench.probes.gradient.influence import influence_profile
from rnnbench.probes.gradient.input_profile import input_profile
from rnnbench.probes.gradient.sample import Sample, draw_sample, with_needed
from rnnbench.probes.gradient.state import NotMeasurableError
from rnnbench.records.gradient import Influence
from rnnbench.training.network import Network
from tests.support.toy_cores import GrowingCore, MirroredCore, TorchCore, generator, orthogonal

DELAY = 5
SYMBOLS = 4


class DelayLine(nn.Module):
    """Its output is the input ``DELAY`` steps before."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.output_size = input_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        before = x.new_zeros(len(x), DELAY, x.shape[2]) if state is None else state
        seen = torch.cat([before, self.gain * x], 1)
        return seen[:, : x.shape[1]], seen[:, -DELAY:]


class LeakySum(nn.Module):
    """``h_t = leak h_{t-1} + x_t``."""

    def __init__(self, input_size: int, leak: float) -> None:
        super().__init__()
        self.leak = nn.Parameter(torch.tensor(leak, dtype=torch.float64))
        self.output_size = input_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = torch.zeros_like(x[:, 0]) if state is None else state
        outputs = []
        for step in x.unbind(1):
            h = self.leak * h + step
            outputs.append(h)
        return torch.stack(outputs, 1), h


class Latch(nn.Module):
    """``s_t = tanh(50 s_{t-1} x_t)`` for x of 1 and -1: the parity, held by a saturated unit."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(50.0))
        self.output_size = input_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        s = torch.ones_like(x[:, 0]) if state is None else state
        outputs = []
        for step in x.unbind(1):
            s = torch.tanh(self.gain * s * step)
            outputs.append(s)
        return torch.stack(outputs, 1), s


class Flag(nn.Module):
    """``h_t = max(h_{t-1}, x_t)``: whether a cue has been read."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.output_size = input_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = torch.zeros_like(x[:, 0]) if state is None else state
        outputs = []
        for step in x.unbind(1):
            h = torch.maximum(h, self.gain * step)
            outputs.append(h)
        return torch.stack(outputs, 1), h


def network_of(
    core: Callable[[int], nn.Module],
    inputs: Space,
    outputs: Space,
    steps: Steps = "last",
    *,
    causal: bool = True,
    width: int = 8,
) -> Network:
    torch.manual_seed(0)
    return Network(
        core, hidden_size=width, inputs=inputs, outputs=outputs, steps=steps, causal=causal
    )


def certain(network: Network, codes: Tensor) -> Network:
    """Embed token i as row i of ``codes``, and predict the token whose code is read, surely."""
    encoder: Any = network.encoder
    with torch.no_grad():
        encoder.weight.copy_(codes)
        network.decoder.weight.copy_(200 * codes)
        network.decoder.bias.zero_()
    return network


def tokens(n: int = 40, steps: int = 12, vocab: int = SYMBOLS, *, every: bool = False) -> Batch:
    inputs = torch.randint(vocab, (n, steps), generator=generator(1))
    return Batch(inputs, inputs.clone() if every else inputs[:, 0])


def measured(network: Network, batch: Batch, needed: Any = None) -> tuple[Influence, ...]:
    drawn = draw_sample(batch, every=network.steps == "every", generator=generator(2))
    if needed is not None:
        drawn = with_needed(drawn, needed)
    return influence_profile(network, drawn, generator=generator(3))


def delay_line(steps: Steps) -> Network:
    network = network_of(DelayLine, Tokens(SYMBOLS), Tokens(SYMBOLS), steps, width=SYMBOLS)
    return certain(network, torch.eye(SYMBOLS))


@pytest.mark.parametrize("steps", ["last", "every"])
def test_a_delay_line_has_all_influence_at_its_delay(steps: Steps) -> None:
    (found,) = measured(delay_line(steps), tokens(every=steps == "every"))
    values = dict(zip(found.lags, found.values, strict=True))
    assert values.pop(DELAY) == pytest.approx(1, abs=1e-9)
    assert len(values) >= 10
    assert all(value < 1e-9 for value in values.values())
    assert (found.horizon, found.floor, found.measure) == (DELAY, 0.01, "total variation")
    # one of four uniform symbols is drawn again by every fourth draw
    assert found.differing == pytest.approx([0.75] * len(found.lags), abs=0.03)


def test_a_leaky_sum_has_a_geometric_influence_in_units_of_the_targets() -> None:
    leak, steps = 0.5, 14
    network = network_of(partial(LeakySum, leak=leak), Vectors(1), Vectors(1), width=1)
    with torch.no_grad():
        network.decoder.weight.fill_(3.0)
    bits = torch.randint(2, (40, steps, 1), generator=generator()).float()
    batch = Batch(bits, 7 * torch.randint(2, (40, 1), generator=generator(5)).float())
    (found,) = measured(network, batch)
    assert found.lags == tuple(range(steps))
    # a replaced bit differs by exactly 1
    in_units = [value * found.scale for value in found.values]
    assert in_units == pytest.approx([3 * leak**lag for lag in range(steps)], rel=1e-6)
    assert found.measure == "absolute change"
    assert 0 < found.scale < 7
    above = [lag for lag, value in enumerate(found.values) if value > 0.01]
    assert found.horizon == max(above)


def test_bits_have_the_influence_of_the_one_that_changes_most() -> None:
    dim, size = 6, 4.0
    network = network_of(DelayLine, Bits(dim), Bits(dim), "every", width=dim)
    with torch.no_grad():
        # a bit of 1 has the probability sigmoid(4), one of 0 has sigmoid(-4)
        network.decoder.weight.copy_(2 * size * torch.eye(dim))
        network.decoder.bias.fill_(-size)
    bits = torch.zeros(40, 12, dim)
    one = torch.randint(dim, (40, 12, 1), generator=generator(1))
    bits.scatter_(2, one, 1.0)  # two inputs differ in two bits
    (found,) = measured(network, Batch(bits, bits))
    values = dict(zip(found.lags, found.values, strict=True))
    sure = float(torch.tensor(size).sigmoid())
    assert values.pop(DELAY) == pytest.approx(2 * sure - 1, rel=1e-6)
    assert all(value < 1e-9 for value in values.values())
    assert (found.horizon, found.scale) == (DELAY, 1.0)
    assert found.measure == "largest total variation"


def test_a_saturated_latch_has_influence_at_every_lag_where_its_gradient_is_zero() -> None:
    network = network_of(Latch, Tokens(2), Tokens(2), width=1)
    certain(network, torch.tensor([[1.0], [-1.0]]))
    batch = tokens(40, 60, 2)
    (found,) = measured(network, batch)
    assert found.values == pytest.approx([1.0] * 16)
    assert (found.horizon, found.longest) == (59, 59)
    (gradient,) = input_profile(network, batch.inputs, generator=generator(), when="trained")
    assert max(gradient.values[1:]) < 1e-14


def copying(batch: Batch) -> Tensor:
    """Symbol i of the first three is needed ``DELAY`` steps later."""
    sequence = torch.arange(len(batch)).repeat_interleave(3)
    read = torch.arange(3).repeat(len(batch))
    return torch.stack([sequence, read, read + DELAY], 1)


def test_needed_pairs_make_a_matrix_with_its_diagonal() -> None:
    (found,) = measured(delay_line("every"), tokens(every=True), copying)
    assert found.relevant == pytest.approx(1)
    expected = [[1.0 if row == column else 0.0 for column in range(3)] for row in range(3)]
    assert [list(row) for row in found.matrix] == [pytest.approx(row, abs=1e-9) for row in expected]


def test_inputs_needed_at_varying_places_are_replaced_and_kept_out_of_the_profile() -> None:
    batch = tokens(40, 60)
    places = torch.randint(1, 50, (len(batch),), generator=generator(8))

    def needed(rows: Batch) -> Tensor:
        at = torch.arange(len(rows))
        return torch.stack([at, places[: len(rows)], torch.full_like(at, 59)], 1)

    network = network_of(GrowingCore, Tokens(SYMBOLS), Tokens(SYMBOLS), width=SYMBOLS)
    (with_pairs,) = measured(network, batch, needed)
    assert with_pairs.relevant is not None
    assert with_pairs.irrelevant == pytest.approx(with_pairs.relevant, rel=0.5)
    assert with_pairs.matrix == ()
    assert len(with_pairs.lags) <= 16


def test_padding_is_neither_replaced_nor_taken() -> None:
    lengths = torch.randint(4, 13, (40,), generator=generator(4))
    network = network_of(partial(TorchCore, "GRU", hidden_size=6), Vectors(2), Tokens(3), width=6)
    inputs = torch.randn(40, 12, 2, generator=generator(1))
    padding = torch.arange(12) >= lengths[:, None]
    clean, dirty = (
        measured(network, Batch(inputs.masked_fill(padding[..., None], fill), lengths % 3, lengths))
        for fill in (0.0, 1e9)
    )
    assert clean == dirty
    assert max(clean[0].lags) <= 11


def test_last_steps_stay_last_steps() -> None:
    lengths = torch.arange(5, 45)
    inputs = torch.randint(3, (40, 44), generator=generator())
    steps = torch.arange(44)
    # symbol 3 ends every sequence and is nowhere else
    inputs = torch.where(steps >= lengths[:, None] - 1, 3, inputs)
    (found,) = measured(delay_line("last"), Batch(inputs, lengths % 3, lengths))
    assert 0 not in found.lags


def test_a_chaotic_network_has_no_horizon() -> None:
    """What the rounding of the weights changes as much is no memory."""
    network = network_of(partial(LeakySum, leak=1.0), Vectors(1), Vectors(1), width=1).double()

    class Chaos(nn.Module):
        output_size = 1

        def __init__(self) -> None:
            super().__init__()
            self.rate = nn.Parameter(torch.tensor(3.99, dtype=torch.float64))

        def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
            h = torch.full_like(x[:, 0], 0.4) if state is None else state
            outputs = []
            for step in x.unbind(1):
                h = self.rate * h * (1 - h)
                h = (h + 1e-3 * step) % 1
                outputs.append(h)
            return torch.stack(outputs, 1), h

    network.core = Chaos()
    with torch.no_grad():
        network.decoder.weight.fill_(1.0)
    inputs = torch.rand(40, 200, 1, generator=generator())
    (found,) = measured(network, Batch(inputs, inputs[:, 0]))
    far = [v for lag, v in zip(found.lags, found.values, strict=True) if lag > 100]
    # another input changes the output at any lag, and so does rounding
    assert min(far) > 0.1
    assert found.noise > 0.1
    assert found.horizon is None or found.horizon < 100


def test_a_network_that_looks_ahead_has_an_influence_of_the_future() -> None:
    network = network_of(
        lambda _: MirroredCore(0.7 * orthogonal(4), orthogonal(4, 1)),
        Vectors(4),
        Tokens(3),
        "every",
        causal=False,
        width=4,
    )
    inputs = torch.randn(40, 12, 4, generator=generator())
    past, future = measured(network, Batch(inputs, torch.zeros(40, 12, dtype=torch.int64)))
    assert (past.direction, future.direction) == ("past", "future")
    assert past.lags == future.lags == tuple(range(12))
    assert past.values[1:6] == pytest.approx(future.values[1:6], rel=0.5)


def test_dropout_is_off_the_network_unchanged_and_the_result_repeatable() -> None:
    core = partial(TorchCore, "LSTM", hidden_size=5, num_layers=2, dropout=0.5)
    network = network_of(core, Tokens(SYMBOLS), Tokens(SYMBOLS), width=5).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    assert measured(network, tokens()) == measured(network, tokens())
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_input_that_matters_at_another_lag_in_each_sequence_is_in_the_horizon() -> None:
    """A cue at a random place changes few sequences at each lag, and is remembered in all."""
    network = network_of(Flag, Tokens(5), Tokens(2), width=1)
    encoder: Any = network.encoder
    with torch.no_grad():
        encoder.weight.copy_(torch.tensor([[1.0], [0.0], [0.0], [0.0], [0.0]]))
        network.decoder.weight.copy_(torch.tensor([[200.0], [-200.0]]))
        network.decoder.bias.copy_(torch.tensor([-100.0, 100.0]))
    inputs = tokens(40, 20, vocab=5).inputs.clamp(min=1)
    inputs[torch.arange(40), torch.randint(20, (40,), generator=generator())] = 0
    (found,) = measured(network, Batch(inputs, torch.arange(40) % 2))
    assert 0.01 < max(found.values) < 0.5
    assert (found.horizon or 0) >= 12


@pytest.mark.parametrize(
    ("batch", "why"),
    [
        (tokens(4), "5 test sequences"),
        (Batch(torch.zeros(9, 12, dtype=torch.int64), torch.zeros(9).long()), "the same inputs"),
    ],
)
def test_what_cannot_be_measured_raises_with_the_reason(batch: Batch, why: str) -> None:
    with pytest.raises(NotMeasurableError, match=why):
        measured(delay_line("last"), batch)


def test_targets_that_do_not_vary_have_no_scale() -> None:
    network = network_of(partial(LeakySum, leak=0.5), Vectors(1), Vectors(1), width=1)
    with pytest.raises(NotMeasurableError, match="targets do not vary"):
        measured(network, Batch(torch.rand(9, 12, 1), torch.ones(9, 1)))


def test_probe_sequences_are_a_random_sample_of_the_test_rows() -> None:
    inputs = torch.arange(400.0).view(400, 1, 1).expand(400, 3, 1)
    batch = Batch(inputs, torch.zeros(400, 1))
    one, again, other = (
        draw_sample(batch, every=False, generator=generator(seed)).batch.inputs[:, 0, 0]
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert len(set(one.tolist())) == 32
    # not the first 32, nor consecutive ones: from all quarters of the test set
    assert {int(row) // 100 for row in one.tolist()} == {0, 1, 2, 3}
    assert one.diff().abs().median() > 20


def test_long_sequences_keep_their_last_steps_targets_and_pairs() -> None:
    inputs = torch.arange(20).repeat(6, 1)
    lengths = torch.tensor([20, 20, 3, 20, 20, 20])
    batch = Batch(inputs, inputs + 100, lengths, mask=inputs % 2 == 0)
    drawn: Sample = draw_sample(batch, every=True, generator=generator(), longest=4)
    short = drawn.lengths == 3
    assert drawn.batch.inputs[~short].tolist() == [[16, 17, 18, 19]] * 5
    assert drawn.batch.targets[~short].tolist() == [[116, 117, 118, 119]] * 5
    assert drawn.origin.tolist() == [2] * 6
    row = int((~short).nonzero()[0])
    pairs = with_needed(drawn, lambda _: torch.tensor([[row, 17, 19], [row, 3, 19]]))
    assert pairs.needed is not None
    assert pairs.needed.nonzero().tolist() == [[row, 1, 3]]
