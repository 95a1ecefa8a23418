"""Lyapunov exponents against eigenvalues, gates and a forward QR with explicit Jacobians."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rnnbench.contract.task import Vectors
from rnnbench.probes.gradient.exact_copy import exact_copy
from rnnbench.probes.gradient.lyapunov import lyapunov_exponents
from rnnbench.probes.gradient.state import NotMeasurableError
from tests.support.toy_cores import (
    GrowingCore,
    LinearCore,
    TorchCore,
    generator,
    linear_network,
    network_of,
)


def drawn(batch: int, steps: int, width: int = 4) -> Tensor:
    return torch.randn(batch, steps, width, generator=generator(1))


def test_a_scaled_rotation_has_all_exponents_at_its_radius() -> None:
    found = lyapunov_exponents(linear_network(0.9), drawn(2, 40, 8), generator=generator()).values
    assert found == pytest.approx([torch.tensor(0.9).double().log().item()] * 4, abs=1e-7)


def test_a_linear_map_has_the_logarithms_of_its_eigenvalues() -> None:
    eigenvalues = torch.tensor([1.2, 0.9, 0.5, 0.2, 0.1, 0.05], dtype=torch.float64)
    basis = torch.randn(6, 6, generator=generator(), dtype=torch.float64)
    # not normal: singular values differ from eigenvalues
    recurrent = basis @ eigenvalues.diag() @ basis.inverse()
    network = network_of(lambda _: LinearCore(recurrent, torch.ones(6, 4).double()), 6).double()
    found = lyapunov_exponents(network, drawn(1, 600), generator=generator()).values
    assert found == pytest.approx(eigenvalues[:4].log().tolist(), abs=5e-3)


def test_an_lstm_without_recurrence_contracts_as_its_forget_gate() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5)
    layer: Any = network.core.layer
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.weight_ih_l0[5:10].zero_()
        layer.bias_ih_l0[5:10] = 2.0
        layer.bias_hh_l0[5:10] = 0.0
    found = lyapunov_exponents(network, drawn(3, 120), generator=generator()).values
    assert found == pytest.approx([torch.tensor(2.0).double().sigmoid().log().item()] * 4, abs=1e-6)


def test_the_transposed_products_agree_with_forward_ones() -> None:
    hidden, steps = 6, 400
    network = network_of(partial(TorchCore, "RNN", hidden_size=hidden), hidden)
    layer: Any = network.core.layer
    with torch.no_grad():
        layer.weight_hh_l0.normal_(0, 1.5 / hidden**0.5, generator=generator(3))
    inputs = 0.3 * drawn(1, steps)
    found = lyapunov_exponents(network, inputs, generator=generator()).values
    with exact_copy(network) as exact:
        weights: Any = exact.core.layer
        q, total = torch.eye(hidden, dtype=torch.float64), torch.zeros(hidden, dtype=torch.float64)
        outputs = exact.core(inputs.double())[0][0]
        for t, h in enumerate(outputs):
            jacobian = (1 - h * h)[:, None] * weights.weight_hh_l0
            q, r = torch.linalg.qr(jacobian @ q)
            total += r.diagonal().abs().log() if steps // 10 <= t < steps - steps // 10 else 0
    expected = (total / (steps - 2 * (steps // 10))).sort(descending=True).values[:4]
    assert found == pytest.approx(expected.tolist(), abs=0.02)


def test_no_more_exponents_than_the_state_has_numbers() -> None:
    assert (
        len(
            lyapunov_exponents(
                linear_network(0.9, size=2), drawn(1, 30, 2), generator=generator()
            ).values
        )
        == 2
    )


def test_only_valid_steps_are_used() -> None:
    network = network_of(
        lambda _: LinearCore(0.5 * torch.eye(3).double(), torch.ones(3, 2).double()), 3, Vectors(2)
    )
    inputs = drawn(2, 50, 2)
    inputs[1, 30:] = float("nan")
    found = lyapunov_exponents(network, inputs, torch.tensor([50, 30]), generator=generator())
    assert found.values == pytest.approx([torch.tensor(0.5).double().log().item()] * 3)


@pytest.mark.parametrize("steps", [30, 100])
def test_a_state_that_forgets_everything_has_no_finite_exponent(steps: int) -> None:
    network = network_of(
        lambda _: LinearCore(torch.zeros(3, 3).double(), torch.ones(3, 4).double()), 3
    )
    found = lyapunov_exponents(network, drawn(1, steps), generator=generator())
    assert found.values == (float("-inf"),) * 3


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_short_sequences_have_the_singular_values_of_the_product_of_jacobians(kind: str) -> None:
    hidden, steps = 4, 30
    network = network_of(partial(TorchCore, kind, hidden_size=hidden), hidden)
    inputs = drawn(1, steps)
    found = lyapunov_exponents(network, inputs, generator=generator())
    assert (found.method, found.steps) == ("finite-time singular values", steps - 1)
    with exact_copy(network) as exact:
        parts = 2 if kind == "LSTM" else 1

        def step(flat: Tensor, x: Tensor) -> Tensor:
            state = tuple(part.reshape(1, 1, hidden) for part in flat.chunk(parts))
            _, after = exact.core(x[None, None], state if parts == 2 else state[0])
            return torch.cat([part.flatten() for part in (after if parts == 2 else (after,))])

        flat = step(torch.zeros(parts * hidden, dtype=torch.float64), inputs[0, 0].double())
        product = np.eye(parts * hidden)
        for x in inputs[0, 1:].double():
            jacobian = torch.autograd.functional.jacobian(partial(step, x=x), flat)  # type: ignore[no-untyped-call]
            product = jacobian.numpy() @ product
            flat = step(flat, x)
    sigma = np.linalg.svd(product, compute_uv=False)
    resolved = sigma[sigma > 1e-12 * sigma[0]][:4]
    assert len(resolved) >= 3
    expected = np.log(resolved) / (steps - 1)
    assert found.values == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_product_far_below_the_smallest_number_keeps_its_exponents() -> None:
    # 1e-6 ** 98 is 1e-588
    found = lyapunov_exponents(linear_network(1e-6), drawn(2, 99, 8), generator=generator())
    assert found.method == "finite-time singular values"
    assert found.values == pytest.approx([-6 * math.log(10)] * 4, abs=1e-9)


def test_singular_values_that_the_product_cannot_resolve_are_left_out() -> None:
    recurrent = torch.tensor([1.0, 0.9, 0.3, 0.1], dtype=torch.float64).diag()
    network = network_of(lambda _: LinearCore(recurrent, torch.ones(4, 4).double()), 4).double()
    found = lyapunov_exponents(network, drawn(1, 50), generator=generator())
    assert found.values == pytest.approx([0.0, math.log(0.9)])


def test_start_directions_are_averaged_from_100_steps_on() -> None:
    network = network_of(partial(TorchCore, "RNN", hidden_size=6), 6)
    one, other = (
        lyapunov_exponents(network, drawn(2, 100), generator=generator(seed)) for seed in (0, 1)
    )
    assert one.method == "QR"
    assert one.steps == 79
    assert one.values[0] == pytest.approx(other.values[0], abs=0.01)


@pytest.mark.parametrize(("steps", "reason"), [(2, "3 steps"), (30, "grows")])
def test_an_unmeasurable_core_or_sequence_raises_with_the_reason(steps: int, reason: str) -> None:
    network = linear_network(0.9, size=4) if steps < 3 else network_of(GrowingCore, 4)
    with pytest.raises(NotMeasurableError, match=reason):
        lyapunov_exponents(network, drawn(2, steps), generator=generator())
