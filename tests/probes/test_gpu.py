"""The probes on a GPU give what they give on the CPU."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from rnnbench.contract.task import Batch, Tokens
from rnnbench.probes.gradient.measure import measure_gradient
from rnnbench.probes.size import measure_size
from rnnbench.probes.speed.paired_timing import time_interleaved
from rnnbench.probes.speed.peak_memory import peak_memory
from tests.support.toy_cores import TorchCore, generator, network_of

pytestmark = pytest.mark.gpu
GPU = torch.device("cuda")


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_agree_with_the_cpu(kind: str, training: bool) -> None:
    network = network_of(
        partial(TorchCore, kind, hidden_size=12, num_layers=2, dropout=0.3), 12, Tokens(9)
    ).train(training)
    tokens = torch.randint(9, (5, 40), generator=generator())
    lengths = torch.tensor([40, 3, 17, 40, 25])
    test = Batch(tokens, torch.arange(5) % 3, lengths)
    cpu = measure_gradient(network, test, generator=generator(), when="trained")
    gpu = measure_gradient(network.to(GPU), test.to(GPU), generator=generator(), when="trained")
    assert gpu.notes == cpu.notes == ()
    for here, there in zip(cpu.profiles, gpu.profiles, strict=True):
        assert there.values == pytest.approx(here.values, rel=1e-8)
    assert gpu.exponents is not None
    assert cpu.exponents is not None
    assert gpu.exponents.values == pytest.approx(cpu.exponents.values, rel=1e-6)
    for mine, theirs in zip(cpu.influence, gpu.influence, strict=True):
        assert theirs.values == pytest.approx(mine.values, abs=1e-8)
        assert theirs.horizon == mine.horizon


def test_operations_are_counted_on_a_copy_on_the_cpu() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=12), 12)
    on_cpu = measure_size(network, 10)
    assert measure_size(network.to(GPU), 10) == on_cpu
    assert on_cpu.matmul_flops_per_step == 2 * 4 * (12 * 4 + 12 * 12)


def test_a_model_against_itself_has_a_ratio_of_one() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=64), 64)
    found = time_interleaved(
        network,
        network,
        lengths=[100, 20],
        batch_size=32,
        device=GPU,
        repeats=10,
        budget_seconds=10,
    )
    assert len(found.timings) == 6
    for timing in found.timings:
        assert 0.5 < sorted(timing.ratios)[len(timing.ratios) // 2] < 2


def test_peak_memory_grows_with_the_batch() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=64), 64)
    small, large = (peak_memory(network, 100, batch, GPU) for batch in (16, 128))
    assert large > 2 * small > 0
