"""G(k) over the inputs, against analytic results and explicit Jacobians."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rnnbench.contract.task import Steps, Tokens, Vectors
from rnnbench.probes.gradient import lags
from rnnbench.probes.gradient.exact_copy import exact_copy
from rnnbench.probes.gradient.input_profile import input_profile
from rnnbench.probes.gradient.lags import unit_vectors
from rnnbench.probes.gradient.sample import SEQUENCES
from rnnbench.training.network import Network
from tests.support.toy_cores import (
    GrowingCore,
    LinearCore,
    MirroredCore,
    TorchCore,
    WindowCore,
    generator,
    linear_network,
    network_of,
    orthogonal,
)


def drawn(batch: int, steps: int, width: int = 8) -> torch.Tensor:
    return torch.randn(batch, steps, width, generator=generator(1))


@pytest.mark.parametrize("rho", [0.8, 1.0, 1.1])
@pytest.mark.parametrize("steps", ["last", "every"])
def test_a_scaled_orthogonal_recurrence_decays_as_its_radius(rho: float, steps: Steps) -> None:
    (profile,) = input_profile(
        linear_network(rho, steps=steps), drawn(3, 40), generator=generator(), when="init"
    )
    assert profile.lags == tuple(range(40))
    assert profile.values == pytest.approx([rho**k for k in range(40)], rel=1e-9)


def test_decay_is_followed_far_below_what_float32_holds() -> None:
    (profile,) = input_profile(
        linear_network(1e-3), drawn(1, 120), generator=generator(), when="init"
    )
    assert profile.values[90] == pytest.approx(1e-270)
    assert profile.slope == pytest.approx(-6.9078, rel=1e-3)


def test_with_a_narrow_isotropic_input_the_radius_holds_in_expectation() -> None:
    rho, width, narrow = 0.9, 24, 3
    into = orthogonal(width, 5)[:, :narrow]
    network = network_of(
        lambda _: LinearCore(rho * orthogonal(width), into), width, Vectors(narrow)
    )
    (profile,) = input_profile(
        network, drawn(32, 30, narrow), generator=generator(), when="init", vectors=100
    )
    ratios = [value / rho**k for k, value in enumerate(profile.values)]
    assert max(ratios) / min(ratios) < 1.1
    assert profile.slope == pytest.approx(-0.10536, abs=0.003)


jacobian: Any = torch.autograd.functional.jacobian  # untyped in torch


def explicit_profile(network: Network, encoded: torch.Tensor, vectors: torch.Tensor) -> list[float]:
    """Compute G(k) from the whole Jacobian d y_T / d e, one output at a time."""
    with exact_copy(network) as exact:
        norms = []
        for row, vector in zip(encoded.double(), vectors, strict=True):

            def last_output(e: torch.Tensor) -> torch.Tensor:
                output: torch.Tensor = exact.core(e[None])[0][0, -1]
                return output

            whole = jacobian(last_output, row)  # (O, T, D)
            norms.append(torch.einsum("o,otd->td", vector, whole).norm(dim=-1).flip(0))
    return torch.stack(norms).mean(0).tolist()


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_profile_agrees_with_explicit_jacobians(kind: str) -> None:
    network = network_of(partial(TorchCore, kind, hidden_size=5, num_layers=2), 5)
    inputs = drawn(3, 12, 4)
    (profile,) = input_profile(network, inputs, generator=generator(7), when="trained", vectors=2)
    vectors = unit_vectors(6, 5, generator(7))
    assert profile.values == pytest.approx(
        explicit_profile(network, inputs.repeat_interleave(2, 0), vectors), rel=1e-9
    )
    assert (profile.of, profile.when, profile.direction) == ("input", "trained", "past")


def test_tokens_are_measured_at_the_embedding() -> None:
    network = network_of(partial(TorchCore, "GRU", hidden_size=5), 5, Tokens(7))
    tokens = torch.randint(7, (3, 12), generator=generator())
    (profile,) = input_profile(network, tokens, generator=generator(7), when="init", vectors=1)
    encoded = network.encoder(tokens).detach()
    assert profile.values == pytest.approx(
        explicit_profile(network, encoded, unit_vectors(3, 5, generator(7))), rel=1e-9
    )


@given(
    lengths=st.lists(st.integers(1, 15), min_size=1, max_size=5),
    extra=st.integers(0, 6),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=20)
@pytest.mark.parametrize("causal", [True, False])
def test_padding_changes_nothing(causal: bool, lengths: list[int], extra: int, seed: int) -> None:
    core = LinearCore if causal else MirroredCore
    network = network_of(lambda _: core(0.9 * orthogonal(4), orthogonal(4, 3)), 4, causal=causal)
    valid = torch.tensor(lengths)
    inputs = torch.randn(len(lengths), max(lengths), 4, generator=generator(seed))
    longer = torch.cat(
        [inputs, 1e3 * torch.randn(len(lengths), extra, 4, generator=generator(seed + 1))], 1
    )
    tight = input_profile(network, inputs, valid, generator=generator(), when="init")
    padded = input_profile(network, longer, valid, generator=generator(), when="init")
    for a, b in zip(tight, padded, strict=True):
        assert a.lags == b.lags
        assert a.values == pytest.approx(b.values, rel=1e-12)


def test_lags_count_from_each_sequences_own_end() -> None:
    network = linear_network(0.7)
    (profile,) = input_profile(
        network, drawn(3, 20), torch.tensor([3, 20, 9]), generator=generator(), when="init"
    )
    assert profile.values == pytest.approx([0.7**k for k in range(20)], rel=1e-9)


def test_a_symmetric_core_has_the_same_past_and_future() -> None:
    rho, steps = 0.8, 21
    network = network_of(
        lambda _: MirroredCore(rho * orthogonal(8), orthogonal(8, 1)),
        8,
        Vectors(8),
        steps="every",
        causal=False,
    )
    past, future = input_profile(network, drawn(4, steps), generator=generator(), when="init")
    assert (past.direction, future.direction) == ("past", "future")
    assert past.lags == future.lags == tuple(range(11))
    decay = [rho**k for k in range(1, 11)]
    assert past.values[1:] == pytest.approx(decay, rel=1e-6)
    assert future.values[1:] == pytest.approx(decay, rel=1e-6)
    # both directions read the step itself
    assert past.values[0] == pytest.approx(2.0, rel=1e-6)


def test_a_bidirectional_lstm_reaches_both_ways() -> None:
    network = network_of(_Bidirectional, 6, causal=False)
    past, future = input_profile(network, drawn(8, 31, 4), generator=generator(), when="init")
    assert min(past.values) > 0
    assert min(future.values) > 0
    assert len(past.values) == len(future.values) == 16


class _Bidirectional(nn.Module):
    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.layer = nn.LSTM(input_size, 6, batch_first=True, bidirectional=True)
        self.output_size = 12

    def forward(
        self, x: torch.Tensor, state: None = None, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, None]:
        # all sequences of these tests have one length
        del state, lengths
        return self.layer(x)[0], None


def test_a_window_reaches_no_further_than_its_width() -> None:
    network = network_of(lambda size: WindowCore(size, 9), 4)
    (profile,) = input_profile(network, drawn(2, 40, 4), generator=generator(), when="init")
    assert profile.values == pytest.approx([1.0] * 9 + [0.0] * 31)
    assert (profile.reach, profile.half_life) == (8, None)


def test_a_memory_of_everything_has_a_flat_profile() -> None:
    network = network_of(GrowingCore, 4)
    (profile,) = input_profile(network, drawn(2, 50, 4), generator=generator(), when="init")
    assert profile.values == pytest.approx([1 / 50] * 50)


def test_forward_last_is_measured_where_it_is_used() -> None:
    class FirstStep(GrowingCore):
        def forward_last(
            self, x: torch.Tensor, lengths: torch.Tensor | None = None
        ) -> torch.Tensor:
            del lengths
            return x[:, 0] * self.scale

    (profile,) = input_profile(
        network_of(FirstStep, 4), drawn(2, 10, 4), generator=generator(), when="init"
    )
    assert profile.values == pytest.approx([0.0] * 9 + [1.0])


def test_the_profile_of_a_core_that_ignores_its_input_is_zero() -> None:
    class Deaf(nn.Module):
        def __init__(self, input_size: int) -> None:
            super().__init__()
            self.answer = nn.Parameter(torch.ones(input_size))

        def forward(self, x: torch.Tensor, state: None = None) -> tuple[torch.Tensor, None]:
            return self.answer.expand_as(x), state

    (profile,) = input_profile(
        network_of(Deaf, 4), drawn(2, 10, 4), generator=generator(), when="init"
    )
    assert set(profile.values) == {0.0}


def test_dropout_is_off_and_the_network_is_left_unchanged() -> None:
    network = network_of(
        partial(TorchCore, "LSTM", hidden_size=5, num_layers=2, dropout=0.5), 5
    ).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = input_profile(network, drawn(3, 12, 4), generator=generator(), when="init")
    assert input_profile(network, drawn(3, 12, 4), generator=generator(), when="init") == first
    assert network.training
    assert all(
        p.requires_grad and p.grad is None and p.dtype == torch.float32
        for p in network.parameters()
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.get_default_dtype() == torch.float32


def test_splitting_the_backward_pass_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5)
    (whole,) = input_profile(network, drawn(7, 12, 4), generator=generator(), when="init")
    monkeypatch.setattr(lags, "STEPS_PER_PASS", 60)
    (split,) = input_profile(network, drawn(7, 12, 4), generator=generator(), when="init")
    assert split.values == pytest.approx(whole.values, rel=1e-12)


def test_only_the_first_sequences_are_measured() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5)
    inputs = drawn(SEQUENCES + 3, 6, 4)
    kept = input_profile(network, inputs[:SEQUENCES], generator=generator(), when="init")
    assert input_profile(network, inputs, generator=generator(), when="init") == kept


def test_long_sequences_are_measured_on_their_last_steps() -> None:
    inputs = torch.arange(20.0).view(1, 10, 2).repeat(2, 1, 1)
    cut, lengths = lags.last_steps(inputs, torch.tensor([9, 2]), longest=4)
    assert lengths.tolist() == [4, 2]
    assert cut[0, :, 0].tolist() == [10.0, 12.0, 14.0, 16.0]
    assert cut[1, :2, 0].tolist() == [0.0, 2.0]


def test_the_gradient_at_needed_inputs_is_compared_with_the_median_elsewhere() -> None:
    rho, steps = 0.8, 20
    needed = torch.zeros(3, steps, dtype=torch.bool)
    needed[:, 4] = True
    (profile,) = input_profile(
        linear_network(rho),
        drawn(3, steps),
        generator=generator(),
        when="init",
        origin=torch.full((3,), steps - 3),
        needed=needed,
    )
    assert profile.lags == tuple(range(steps - 2))
    elsewhere = sorted(rho**lag for lag in range(5, steps - 2) if lag != steps - 7)
    # torch's median of an even number of values is the lower of the two in the middle
    assert profile.relevant_ratio == pytest.approx(
        rho ** (steps - 7) / elsewhere[(len(elsewhere) - 1) // 2]
    )
