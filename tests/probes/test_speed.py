"""Timing beside a reference: pairs, modes, budget, memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.contract.task import Space, Steps, Tokens, Vectors
from rnnbench.probes.speed.paired_timing import sample, time_interleaved
from rnnbench.probes.speed.peak_memory import peak_memory
from rnnbench.probes.speed.process_timings import ProcessTimings, merge
from rnnbench.probes.speed.workloads import modes_of, prepare, random_batch
from rnnbench.records.result import Environment, SpeedMode
from rnnbench.training.network import Network
from tests.support.toy_cores import GrowingCore, MirroredCore, TorchCore, network_of, orthogonal

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def lstm(hidden: int = 16, inputs: Space | None = None, steps: Steps = "last") -> Network:
    return network_of(partial(TorchCore, "LSTM", hidden_size=hidden), hidden, inputs, steps=steps)


def environment() -> Environment:
    return Environment(
        device="cpu", processor="x", cores=1, threads=1, memory_bytes=1, platform="x", python_version="3", torch_version="2",
        lightning_version="2", rnnbench_version="0",
    )  # fmt: skip


def test_a_model_against_itself_has_a_ratio_of_one() -> None:
    found = time_interleaved(
        lstm(), lstm(), lengths=[20], batch_size=8, device="cpu", repeats=15, budget_seconds=3
    )
    assert [timing.mode for timing in found.timings] == ["forward", "train", "stream"]
    speed = merge([found], reference="lstm", length=20, environment=environment())
    for point in speed.points:
        assert 0.5 < point.ratio.median < 2
        assert point.seconds.median > 0


def test_more_work_takes_longer() -> None:
    found = time_interleaved(
        lstm(192), lstm(8), lengths=[20], batch_size=16, device="cpu", repeats=5, budget_seconds=2
    )
    speed = merge([found], reference="lstm", length=20, environment=environment())
    ratios = {point.mode: point.ratio.median for point in speed.points}
    assert ratios["forward"] > 2
    assert ratios["train"] > 2


def test_samples_come_in_pairs_with_their_sizes() -> None:
    found = time_interleaved(
        lstm(), lstm(), lengths=[8, 4], batch_size=3, device="cpu", repeats=4, budget_seconds=10
    )
    expected = [
        (mode, length, 1 if mode == "stream" else 3)
        for length in (8, 4)
        for mode in ("forward", "train", "stream")
    ]
    assert [(timing.mode, timing.length, timing.batch_size) for timing in found.timings] == expected
    assert all(
        3 <= len(timing.seconds) == len(timing.reference_seconds) <= 4 for timing in found.timings
    )
    assert found.dtype == "float32"
    assert ProcessTimings.model_validate_json(found.model_dump_json()) == found


def test_a_network_that_looks_ahead_does_not_stream() -> None:
    network = network_of(
        lambda _: MirroredCore(orthogonal(4).float(), orthogonal(4).float()), 4, causal=False
    )
    assert modes_of(network) == ("forward", "train")
    found = time_interleaved(network, lstm(4), lengths=[5], batch_size=2, device="cpu", repeats=3)
    assert {timing.mode for timing in found.timings} == {"forward", "train"}


def test_the_budget_bounds_the_repeats_and_drops_later_lengths() -> None:
    start = time.perf_counter()
    found = time_interleaved(
        lstm(32),
        lstm(32),
        lengths=[10, 20_000],
        batch_size=32,
        device="cpu",
        repeats=10_000,
        budget_seconds=0.5,
    )
    assert time.perf_counter() - start < 20
    assert [timing.length for timing in found.timings if timing.mode != "stream"] == [10, 10]
    assert all(3 <= len(timing.seconds) < 10_000 for timing in found.timings)


def test_a_sample_is_the_mean_time_of_a_call() -> None:
    assert 0.002 <= sample(lambda: time.sleep(0.002), 5, CPU) < 0.1


@pytest.mark.parametrize("mode", ["forward", "train", "stream"])
@pytest.mark.parametrize("steps", ["last", "every"])
@pytest.mark.parametrize("inputs", [Tokens(7), Vectors(3)])
def test_every_mode_runs_on_every_kind_of_task(
    mode: SpeedMode, steps: Steps, inputs: Space
) -> None:
    network = lstm(5, inputs, steps)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    workload = prepare(network, mode, 6, 2, CPU)
    workload()
    workload()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_random_batches_fit_the_network() -> None:
    batch = random_batch(lstm(5, Tokens(7), "every"), 6, 4, CPU)
    assert batch.inputs.shape == batch.targets.shape == (4, 6)
    assert int(batch.inputs.max()) < 7
    assert int(batch.targets.max()) < 3
    assert random_batch(lstm(5, Vectors(2)), 6, 4, CPU).inputs.shape == (4, 6, 2)


def test_streaming_starts_from_the_state_at_the_length_and_stays_there() -> None:
    seen: list[tuple[int, int]] = []

    class Watched(GrowingCore):
        def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
            seen.append((x.shape[1], 0 if state is None else state.shape[1]))
            return super().forward(x, state)

    stream = prepare(network_of(Watched, 4), "stream", 12, 64, CPU)
    stream()
    stream()
    assert seen == [(11, 0), (1, 11), (1, 11)]


def test_the_first_step_streams_too() -> None:
    prepare(network_of(GrowingCore, 4), "stream", 1, 1, CPU)()
    assert modes_of(network_of(GrowingCore, 4))[-1] == "stream"


def test_peak_memory_counts_what_training_must_hold() -> None:
    network = lstm(32)
    parameters = sum(p.numel() * p.element_size() for p in network.parameters())
    small, large = (peak_memory(network, 50, batch, CPU) for batch in (8, 64))
    activations = 50 * 56 * 32 * 4  # one float32 number per step, further sequence and hidden unit
    assert small > 4 * parameters  # weights, gradients and Adam's two moments
    assert large - small > 6 * activations  # four gates, h and c
    assert large - small < 40 * activations


def test_peak_memory_is_repeatable() -> None:
    found: list[Any] = [peak_memory(lstm(16), 30, 8, CPU) for _ in range(2)]
    assert found[0] == pytest.approx(found[1], rel=0.02)
