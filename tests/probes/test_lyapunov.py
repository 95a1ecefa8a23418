"""Lyapunov exponents against eigenvalues, gates and a forward QR with explicit Jacobians."""

from __future__ import annotations

from functools import partial
from typing import Any

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
    found = lyapunov_exponents(linear_network(0.9), drawn(2, 40, 8), generator=generator())
    assert found == pytest.approx([torch.tensor(0.9).double().log().item()] * 4, abs=1e-7)


def test_a_linear_map_has_the_logarithms_of_its_eigenvalues() -> None:
    eigenvalues = torch.tensor([1.2, 0.9, 0.5, 0.2, 0.1, 0.05], dtype=torch.float64)
    basis = torch.randn(6, 6, generator=generator(), dtype=torch.float64)
    # not normal: singular values differ from eigenvalues
    recurrent = basis @ eigenvalues.diag() @ basis.inverse()
    network = network_of(lambda _: LinearCore(recurrent, torch.ones(6, 4).double()), 6).double()
    found = lyapunov_exponents(network, drawn(1, 600), generator=generator())
    assert found == pytest.approx(eigenvalues[:4].log().tolist(), abs=5e-3)


def test_an_lstm_without_recurrence_contracts_as_its_forget_gate() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5)
    layer: Any = network.core.layer
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.weight_ih_l0[5:10].zero_()
        layer.bias_ih_l0[5:10] = 2.0
        layer.bias_hh_l0[5:10] = 0.0
    found = lyapunov_exponents(network, drawn(3, 60), generator=generator())
    assert found == pytest.approx([torch.tensor(2.0).double().sigmoid().log().item()] * 4, abs=1e-6)


def test_the_transposed_products_agree_with_forward_ones() -> None:
    hidden, steps = 6, 400
    network = network_of(partial(TorchCore, "RNN", hidden_size=hidden), hidden)
    layer: Any = network.core.layer
    with torch.no_grad():
        layer.weight_hh_l0.normal_(0, 1.5 / hidden**0.5, generator=generator(3))
    inputs = 0.3 * drawn(1, steps)
    found = lyapunov_exponents(network, inputs, generator=generator())
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
        len(lyapunov_exponents(linear_network(0.9, size=2), drawn(1, 30, 2), generator=generator()))
        == 2
    )


def test_only_valid_steps_are_used() -> None:
    network = network_of(
        lambda _: LinearCore(0.5 * torch.eye(3).double(), torch.ones(3, 2).double()), 3, Vectors(2)
    )
    inputs = drawn(2, 50, 2)
    inputs[1, 30:] = float("nan")
    found = lyapunov_exponents(network, inputs, torch.tensor([50, 30]), generator=generator())
    assert found == pytest.approx([torch.tensor(0.5).double().log().item()] * 3)


def test_a_state_that_forgets_everything_has_no_finite_exponent() -> None:
    network = network_of(
        lambda _: LinearCore(torch.zeros(3, 3).double(), torch.ones(3, 4).double()), 3
    )
    assert lyapunov_exponents(network, drawn(1, 30), generator=generator()) == (float("-inf"),) * 3


@pytest.mark.parametrize(("steps", "reason"), [(19, "20 steps"), (30, "grows")])
def test_an_unmeasurable_core_or_sequence_raises_with_the_reason(steps: int, reason: str) -> None:
    network = linear_network(0.9, size=4) if steps < 20 else network_of(GrowingCore, 4)
    with pytest.raises(NotMeasurableError, match=reason):
        lyapunov_exponents(network, drawn(2, steps), generator=generator())
