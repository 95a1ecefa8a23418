"""Timing against a comparator: pairs, modes, budget, memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.contract.task import Space, Steps, Tokens, Vectors
from rnnbench.probes.speed import paired_timing
from rnnbench.probes.speed.paired_timing import sample, time_interleaved
from rnnbench.probes.speed.peak_memory import peak_memory
from rnnbench.probes.speed.process_timings import ProcessTimings
from rnnbench.probes.speed.workloads import modes_of, prepare, random_batch
from rnnbench.records.speed import SpeedMode
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


class Clock:
    """Simulated time, advanced by :class:`Timed` cores and by ``sleep``."""

    def __init__(self) -> None:
        self.now = 0

    def perf_counter_ns(self) -> int:
        return self.now

    def perf_counter(self) -> float:
        return self.now * 1e-9

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Simulated time in place of the machine's, so that ratios are exact."""
    simulated = Clock()
    monkeypatch.setattr(paired_timing, "time", simulated)
    return simulated


class Timed(TorchCore):
    """A core whose every call takes a number of simulated milliseconds."""

    def __init__(self, input_size: int, clock: Clock, milliseconds: Callable[[], float]) -> None:
        super().__init__("RNN", input_size, 4)
        self.clock = clock
        self.milliseconds = milliseconds

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        self.clock.now += round(1e6 * self.milliseconds())
        return super().forward(x, state)

    def __deepcopy__(self, memo: dict[int, Any]) -> Timed:
        twin = Timed(self.layer.input_size, self.clock, self.milliseconds)
        twin.load_state_dict(self.state_dict())
        return twin


def timed(clock: Clock, milliseconds: Callable[[], float]) -> Network:
    return network_of(partial(Timed, clock=clock, milliseconds=milliseconds), 4)


def test_the_ratio_is_the_time_of_the_model_over_that_of_the_comparator(clock: Clock) -> None:
    model, comparator = timed(clock, lambda: 3.0), timed(clock, lambda: 2.0)
    found = time_interleaved(
        model, comparator, lengths=[5], batch_size=2, device="cpu", repeats=4, budget_seconds=1
    )
    assert [timing.mode for timing in found.timings] == ["forward", "train", "stream"]
    for timing in found.timings:
        assert timing.seconds == pytest.approx([0.003] * len(timing.seconds))
        assert timing.ratios == pytest.approx([1.5] * len(timing.seconds))


def test_a_machine_that_slows_down_steadily_favours_neither_network(clock: Clock) -> None:
    def slowing() -> float:
        return 1 + clock.now * 1e-9

    found = time_interleaved(
        timed(clock, slowing),
        timed(clock, slowing),
        lengths=[5],
        batch_size=2,
        device="cpu",
        repeats=20,
        budget_seconds=10,
    )
    for timing in found.timings:
        # the network that is timed first is the faster one, and it is not always the same
        assert min(timing.ratios) < 1 < max(timing.ratios)


def test_more_work_takes_longer() -> None:
    found = time_interleaved(
        lstm(256), lstm(8), lengths=[20], batch_size=64, device="cpu", repeats=5, budget_seconds=2
    )
    typical = {timing.mode: statistics.median(timing.ratios) for timing in found.timings}
    # about 20 times on an idle machine
    assert typical["forward"] > 2
    assert typical["train"] > 2


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
        3 <= len(timing.seconds) == len(timing.comparator_seconds) <= 4 for timing in found.timings
    )
    assert found.dtype == "float32"
    assert ProcessTimings.model_validate_json(found.model_dump_json()) == found


def test_a_non_causal_network_does_not_stream() -> None:
    network = network_of(
        lambda _: MirroredCore(orthogonal(4).float(), orthogonal(4).float()), 4, causal=False
    )
    assert modes_of(network) == ("forward", "train")
    found = time_interleaved(network, lstm(4), lengths=[5], batch_size=2, device="cpu", repeats=3)
    assert {timing.mode for timing in found.timings} == {"forward", "train"}


def test_the_budget_bounds_the_repeats_and_skips_later_lengths(clock: Clock) -> None:
    found = time_interleaved(
        timed(clock, lambda: 2.0),
        timed(clock, lambda: 2.0),
        lengths=[10, 20_000],
        batch_size=2,
        device="cpu",
        repeats=10_000,
        budget_seconds=1.5,
    )
    assert clock.perf_counter() < 2
    assert [timing.length for timing in found.timings if timing.mode != "stream"] == [10, 10]
    assert all(3 <= len(timing.seconds) < 400 for timing in found.timings)


@pytest.mark.parametrize(("length", "timed_too"), [(128, True), (384, False)])
def test_plain_loops_of_slow_steps_are_not_timed(
    clock: Clock, length: int, timed_too: bool
) -> None:
    # 200 ms for 128 steps: a step of 384 takes at least three times as long
    fast, slow = timed(clock, lambda: 1.0), timed(clock, lambda: 200.0)
    found = time_interleaved(
        fast,
        fast,
        lengths=[length],
        batch_size=2,
        device="cpu",
        repeats=3,
        budget_seconds=1.0,
        plain_loops=(slow, fast),
    )
    assert len(found.timings) == 3
    assert [timing.mode for timing in found.plain_timings] == (
        ["forward", "train", "stream"] if timed_too else []
    )


def test_a_sample_is_the_mean_time_of_a_call(clock: Clock) -> None:
    durations = iter([0.001, 0.002, 0.006])
    assert sample(lambda: clock.sleep(next(durations)), 3, CPU) == pytest.approx(0.003)


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
    # one float32 value per time step, additional sequence and hidden unit
    activations = 50 * 56 * 32 * 4
    # weights, gradients and Adam's two moments
    assert small > 4 * parameters
    # four gates, h and c
    assert large - small > 6 * activations
    assert large - small < 40 * activations


def test_peak_memory_is_repeatable() -> None:
    found: list[Any] = [peak_memory(lstm(16), 30, 8, CPU) for _ in range(2)]
    assert found[0] == pytest.approx(found[1], rel=0.02)
