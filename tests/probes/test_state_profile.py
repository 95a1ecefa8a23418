"""G(k) over the full state, against analytic results and explicit Jacobian products."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench.contract.core import state_tensors
from rnnbench.contract.task import Vectors
from rnnbench.probes.gradient.exact_copy import exact_copy
from rnnbench.probes.gradient.lags import unit_vectors
from rnnbench.probes.gradient.state import NotMeasurableError, fixed_state_layout
from rnnbench.probes.gradient.state_profile import state_profile
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


def drawn(batch: int, steps: int, width: int = 4) -> Tensor:
    return torch.randn(batch, steps, width, generator=generator(1))


@pytest.mark.parametrize("rho", [0.8, 1.0, 1.1])
def test_a_scaled_orthogonal_recurrence_decays_exactly_as_its_radius(rho: float) -> None:
    network = network_of(
        lambda _: LinearCore(rho * orthogonal(8), 0.1 * torch.ones(8, 3).double()), 8, Vectors(3)
    )
    profile = state_profile(network, drawn(3, 30, 3), generator=generator(), when="init")
    assert profile.lags == tuple(range(1, 30))
    assert profile.values == pytest.approx([rho**k for k in range(1, 30)], rel=1e-12)
    assert profile.of == "state"


@pytest.mark.parametrize("bias", [-1.0, 1.0, 4.0])
def test_an_lstm_without_recurrence_forgets_as_its_forget_gate(bias: float) -> None:
    hidden, steps = 6, 40
    network = network_of(partial(TorchCore, "LSTM", hidden_size=hidden), hidden)
    layer: Any = network.core.layer
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.weight_ih_l0[
            hidden : 2 * hidden
        ].zero_()  # the forget gate, in torch's order i, f, g, o
        layer.bias_ih_l0[hidden : 2 * hidden] = bias
        layer.bias_hh_l0[hidden : 2 * hidden] = 0
    profile = state_profile(network, drawn(4, steps), generator=generator(), when="init")
    keep = torch.tensor(bias, dtype=torch.float64).sigmoid().item()
    ratios = [b / a for a, b in zip(profile.values[:-1], profile.values[1:], strict=True)]
    assert ratios == pytest.approx([keep] * (steps - 2), rel=1e-9)


jacobian: Any = torch.autograd.functional.jacobian  # untyped in torch


def explicit_profile(network: Network, encoded: Tensor, vector: Tensor) -> list[float]:
    """Compute G(k) as the norm of v^T Y_T J_{T-1} ... J_{T-k+1}, from Jacobians of single steps."""
    with exact_copy(network) as exact:
        template: Any = exact.core(encoded[None, :1].double())[1]
        shapes = [tensor.shape for tensor in state_tensors(template)]

        def step(flat: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            sizes = [shape.numel() for shape in shapes]
            parts = [
                part.view(shape)
                for part, shape in zip(torch.split(flat, sizes), shapes, strict=True)
            ]
            state = parts[0] if isinstance(template, Tensor) else tuple(parts)
            output, after = exact.core(x[None, None], state)
            return output[0, 0], torch.cat([tensor.flatten() for tensor in state_tensors(after)])

        rows = encoded.double()
        states = [torch.cat([tensor.flatten() for tensor in state_tensors(template)])]
        for x in rows[1:-1]:
            states.append(step(states[-1], x)[1])
        onto_output, _ = jacobian(lambda s: step(s, rows[-1]), states[-1])
        row = vector @ onto_output
        values = [row.norm().item()]
        for x, before in zip(rows[1:-1].flip(0), states[-2::-1], strict=True):
            _, onto_state = jacobian(lambda s, x=x: step(s, x), before)
            row = row @ onto_state
            values.append(row.norm().item())
    return values


@pytest.mark.parametrize(("kind", "layers"), [("RNN", 1), ("LSTM", 1), ("LSTM", 2), ("GRU", 2)])
def test_the_profile_agrees_with_explicit_jacobian_products(kind: str, layers: int) -> None:
    network = network_of(partial(TorchCore, kind, hidden_size=5, num_layers=layers), 5)
    inputs = drawn(1, 12)
    profile = state_profile(network, inputs, generator=generator(7), when="init", vectors=1)
    expected = explicit_profile(network, inputs[0], unit_vectors(1, 5, generator(7))[0])
    assert profile.values == pytest.approx(expected, rel=1e-9)


@given(lengths=st.lists(st.integers(2, 12), min_size=1, max_size=4), extra=st.integers(0, 4))
@settings(deadline=None, max_examples=15)
def test_padding_changes_nothing(lengths: list[int], extra: int) -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5)
    valid = torch.tensor(lengths)
    inputs = drawn(len(lengths), max(lengths))
    longer = torch.cat([inputs, 1e3 * drawn(len(lengths), extra)], 1)
    tight = state_profile(network, inputs, valid, generator=generator(), when="init")
    padded = state_profile(network, longer, valid, generator=generator(), when="init")
    assert tight.lags == padded.lags
    assert tight.values == pytest.approx(padded.values, rel=1e-12)


def test_lags_count_from_each_sequences_own_end() -> None:
    profile = state_profile(
        linear_network(0.7),
        drawn(3, 20, 8),
        torch.tensor([3, 20, 9]),
        generator=generator(),
        when="init",
    )
    assert profile.values == pytest.approx([0.7**k for k in range(1, 20)], rel=1e-9)


def test_a_window_kept_as_state_forgets_all_at_once() -> None:
    profile = state_profile(
        network_of(lambda size: WindowCore(size, 9), 4),
        drawn(2, 40),
        generator=generator(),
        when="init",
    )
    assert profile.values == pytest.approx([(9 - k) ** 0.5 if k < 9 else 0 for k in range(1, 40)])


def test_a_detached_state_carries_no_gradient() -> None:
    class Detached(LinearCore):
        def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            outputs, after = super().forward(x, state)
            return outputs, {name: tensor.detach() for name, tensor in after.items()}

    network = network_of(lambda _: Detached(orthogonal(4), orthogonal(4)), 4)
    profile = state_profile(network, drawn(2, 20), generator=generator(), when="init")
    assert profile.values[0] == pytest.approx(1)
    assert set(profile.values[1:]) == {0.0}


class _Stateless(nn.Linear):
    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:  # type: ignore[override]
        return super().forward(x), state


class _Counter(_Stateless):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:  # type: ignore[override]
        del state
        return super().forward(x)[0], torch.zeros(x.shape[0], dtype=torch.int64)


class _Folded(_Stateless):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:  # type: ignore[override]
        del state
        return super().forward(x)[0], torch.zeros(x.shape[0] * 2, 4)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (network_of(lambda _: _Stateless(4, 4), 4), "returns no state"),
        (network_of(lambda _: _Counter(4, 4), 4), "holds no real numbers"),
        (network_of(lambda _: _Folded(4, 4), 4), r"no axis of a state of shape \(4, 4\)"),
        (network_of(GrowingCore, 4), "grows"),
        (
            network_of(lambda _: MirroredCore(orthogonal(4), orthogonal(4)), 4, causal=False),
            "non-causal",
        ),
    ],
)
def test_a_core_without_a_state_of_fixed_size_cannot_be_measured(
    network: Network, reason: str
) -> None:
    with pytest.raises(NotMeasurableError, match=reason):
        state_profile(network, drawn(2, 10), generator=generator(), when="init")


@pytest.mark.parametrize(
    "build",
    [
        partial(TorchCore, "LSTM", hidden_size=5, num_layers=2),
        lambda _: LinearCore(orthogonal(5), torch.ones(5, 4)),
    ],
)
def test_a_layout_flattens_and_restores_a_state(build: Any) -> None:
    network = network_of(build, 5)
    with exact_copy(network) as exact:
        encoded = drawn(3, 6).double()
        layout = fixed_state_layout(exact, encoded)
        state = exact.unroll(encoded)[1]
    tensors = [tensor for tensor, _ in layout.real(state)]
    vectors = layout.flatten(state, [*tensors])
    assert vectors.shape == (3, sum(tensor.numel() for tensor in tensors) // 3)
    assert all(
        torch.equal(a, b) for a, b in zip(layout.unflatten(state, vectors), tensors, strict=True)
    )
    twice = layout.repeat(state, 2)
    assert torch.equal(
        layout.flatten(twice, [t for t, _ in layout.real(twice)]), vectors.repeat_interleave(2, 0)
    )
