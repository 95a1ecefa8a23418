"""G(k) through training, against analytic results, explicit Jacobians and counts of its work."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.cells.core import recurrent
from rnnbench.contract.task import Batch, Steps, Vectors
from rnnbench.probes.gradient.lags import unit_vectors
from rnnbench.probes.gradient.through_training import LAGS, SEQUENCES, TrackedLags
from rnnbench.training.gradient_log import PROFILE_INTERVAL
from rnnbench.training.network import Network
from rnnbench.training.preparation import prepare
from tests.cells.conftest import interpreted
from tests.cells.small_cells import LSTM
from tests.support.toy_cores import (
    LinearCore,
    MirroredCore,
    TorchCore,
    generator,
    linear_network,
    network_of,
    orthogonal,
)

__all__ = ["interpreted"]


def drawn(rows: int, steps: int, width: int = 8, dtype: torch.dtype = torch.float64) -> Batch:
    inputs = torch.randn(rows, steps, width, generator=generator(1), dtype=dtype)
    return Batch(inputs, inputs)


def probe_of(network: Network, data: Batch, batch_size: int = 32, **options: Any) -> TrackedLags:
    size = (batch_size, data.inputs.shape[1])
    return TrackedLags(network, data, size, generator=generator(2), **options)


@pytest.mark.parametrize("rho", [0.8, 1.0, 1.1])
@pytest.mark.parametrize("steps", ["last", "every"])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_a_scaled_orthogonal_recurrence_decays_as_its_radius(
    rho: float, steps: Steps, dtype: torch.dtype, error: float
) -> None:
    probe = probe_of(linear_network(rho, steps=steps).to(dtype), drawn(20, 40, dtype=dtype))
    past, future = probe()
    assert past == pytest.approx([rho**k for k in probe.lags], rel=error)
    assert future == ()
    assert (probe.lags[0], probe.lags[-1], len(probe.lags)) == (0, 39, LAGS)
    assert probe.sequences == SEQUENCES


def test_a_network_that_looks_ahead_is_measured_in_both_directions() -> None:
    network = network_of(
        lambda _: MirroredCore(0.8 * orthogonal(8), orthogonal(8, 1)), 8, Vectors(8), causal=False
    ).double()
    probe = probe_of(network, drawn(20, 41))
    past, future = probe()
    expected = [2.0, *(0.8**k for k in probe.lags[1:])]
    assert past == pytest.approx(expected, rel=1e-9)
    assert future == pytest.approx(expected, rel=1e-9)
    assert probe.lags[-1] == 20


def test_the_profile_is_that_of_explicit_jacobians() -> None:
    torch.manual_seed(0)
    network = network_of(lambda width: TorchCore("LSTM", width, 6), 6, Vectors(3))
    data = drawn(1, 12, 3, torch.float32)
    probe = probe_of(network, data)
    past, _ = probe()
    same = generator(2)
    torch.randperm(1, generator=same)
    (vector,) = unit_vectors(1, 6, same, torch.float64)

    def last_output(inputs: Tensor) -> Tensor:
        output: Tensor = network.double().core(inputs)[0][0, -1]
        return output

    jacobian: Any = torch.autograd.functional.jacobian(last_output, data.inputs.double())  # type: ignore[no-untyped-call]
    by_step = torch.einsum("o,otd->td", vector, jacobian[:, 0]).norm(dim=-1)
    assert past == pytest.approx([float(by_step[11 - k]) for k in probe.lags], rel=1e-4)


def test_a_change_between_two_measurements_is_one_of_the_weights() -> None:
    network = linear_network(0.9)
    core = network.core
    assert isinstance(core, LinearCore)
    probe = probe_of(network, drawn(20, 30))
    first = probe()
    assert probe() == first
    with torch.no_grad():
        core.recurrent.mul_(1.1 / 0.9)
    assert probe()[0] == pytest.approx([1.1**k for k in probe.lags], rel=1e-9)


class _Noisy(TorchCore):
    """Draws random numbers in evaluation too, and keeps its last output."""

    kept: Tensor | None = None

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x + 1e-3 * torch.randn_like(x), state)
        self.kept = outputs.detach()
        return outputs, state


def test_nothing_of_the_training_is_changed() -> None:
    torch.manual_seed(0)
    network = network_of(lambda width: _Noisy("GRU", width, 8), 8, Vectors(8))
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    probe = probe_of(network, drawn(20, 10, dtype=torch.float32))
    state = torch.get_rng_state()
    probe(), probe()
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert network.core.kept is None
    assert torch.get_default_dtype() is torch.float32
    assert all(each.requires_grad and each.grad is None for each in network.parameters())
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())


def test_lags_are_those_that_half_of_the_sequences_have() -> None:
    data = drawn(8, 30)
    lengths = torch.tensor([5, 30, 30, 12, 20, 30, 8, 30])
    batch = Batch(data.inputs, data.targets, lengths)
    probe = probe_of(linear_network(0.9), batch)
    past, _ = probe()
    assert past == pytest.approx([0.9**k for k in probe.lags], rel=1e-9)
    assert probe.lags[-1] == sorted(lengths.tolist())[3] - 1


def test_sequences_longer_than_those_of_the_training_are_cut() -> None:
    probe = TrackedLags(linear_network(0.9), drawn(20, 50), (4, 20), generator=generator())
    past, _ = probe()
    assert past == pytest.approx([0.9**k for k in probe.lags], rel=1e-9)
    assert (probe.lags[-1], probe.sequences) == (19, 4)


def test_the_lag_that_the_task_needs_is_among_the_lags() -> None:
    def third_and_eighth(batch: Batch) -> Tensor:
        rows = torch.arange(len(batch)).repeat_interleave(2)
        read = torch.tensor([3, 8]).repeat(len(batch))
        return torch.stack((rows, read, torch.full_like(rows, 29)), 1)

    probe = probe_of(linear_network(0.9), drawn(20, 30), relevant_lags=third_and_eighth)
    past, _ = probe()
    assert probe.relevant_lag == 26
    assert dict(zip(probe.lags, past, strict=True))[26] == pytest.approx(0.9**26)
    assert len(probe.lags) <= LAGS + 1


def test_lags_of_a_task_that_fail_are_noted_and_the_others_measured() -> None:
    def wrong(batch: Batch) -> Tensor:
        raise ValueError(f"no lags for {len(batch)} sequences")

    probe = probe_of(linear_network(0.9), drawn(20, 30), relevant_lags=wrong)
    assert len(probe()[0]) == LAGS
    assert probe.relevant_lag is None
    (note,) = probe.notes
    assert "no lags for 8 sequences" in note


@pytest.mark.usefixtures("interpreted")
def test_a_core_with_a_compiled_step_is_measured_by_it() -> None:
    made: Any = recurrent(LSTM)
    network = network_of(lambda width: made(width, 6), 6, Vectors(3))
    data = drawn(20, 12, 3, torch.float32)
    plain = probe_of(network, data, 20)
    by_loop, _ = plain()
    assert prepare(network, data.inputs, None) == "compiled step"
    compiled = probe_of(network, data, 20)
    assert len(compiled()[0]) == len(by_loop)
    assert (plain.sequences, compiled.sequences) == (SEQUENCES, 20)


def test_it_runs_the_core_over_under_two_percent_of_the_time_steps_in_between() -> None:
    network = linear_network(0.9).float()
    data = drawn(32, 20, dtype=torch.float32)
    seen: list[int] = []
    network.core.register_forward_hook(lambda _, given, __: seen.append(given[0][..., 0].numel()))
    probe = probe_of(network, data)
    network(data.inputs)
    probe()
    of_step, of_probe = seen
    assert of_step == 32 * 20
    assert 0 < of_probe <= SEQUENCES * 20
    assert of_probe < 0.02 * PROFILE_INTERVAL * of_step


def test_a_network_of_no_recurrence_has_no_gradient_at_a_distance() -> None:
    class Pointwise(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(width))

        def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
            return x * self.scale, state

    probe = probe_of(network_of(Pointwise, 8, Vectors(8)).double(), drawn(8, 20))
    past, _ = probe()
    assert past == (pytest.approx(1.0), *[0.0] * (LAGS - 1))
