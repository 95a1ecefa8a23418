"""Merging the raw timings of several processes: medians, intervals and noise by mode."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.execution.speed_pass import PROCESSES
from rnnbench.probes.speed.process_timings import (
    ProcessTimings,
    RawTiming,
    TrialTimings,
    median_over_processes,
    merge,
)
from rnnbench.records.environment import Environment
from rnnbench.records.speed import Kernel, Speed, SpeedMode

ENVIRONMENT = Environment(
    device="cpu",
    processor="x",
    processor_model="y",
    instruction_set="z",
    cores=1,
    threads=1,
    memory_bytes=1,
    platform="x",
    python_version="3",
    torch_version="2",
    lightning_version="2",
    rnnbench_version="0",
)
GRU = Kernel(kind="C++ loop", operations=("aten::gru",), dispatched_per_step=0)
LSTM = Kernel(kind="fused", operations=("aten::mkldnn_rnn_layer",), dispatched_per_step=0)


def timing(ratios: list[float], *, length: int = 10, mode: SpeedMode = "train") -> RawTiming:
    return RawTiming(
        mode=mode,
        length=length,
        batch_size=4,
        seconds=tuple(0.01 * r for r in ratios),
        comparator_seconds=(0.01,) * len(ratios),
    )


def process(
    *timings: RawTiming, plain: tuple[RawTiming, ...] = (), memory: int = 1
) -> TrialTimings:
    return TrialTimings(
        timings=ProcessTimings(
            timings=timings, plain_timings=plain, peak_memory_bytes=memory, dtype="float32"
        ),
        kernels={"train": GRU},
        comparator_kernels={"train": LSTM},
        environment=ENVIRONMENT,
    )


def merged(*processes: TrialTimings) -> Speed:
    return merge(processes, comparator="lstm")


def test_a_ratio_is_the_median_of_the_medians_of_the_processes() -> None:
    speed = merged(
        process(timing([1.0, 1.0, 1.0]), memory=5),
        process(timing([3.0, 4.0, 90.0]), memory=7),
        process(timing([2.0, 2.0])),
    )
    point = speed.at_own_length("train")
    assert point is not None
    assert point.ratio.median == pytest.approx(2.0)
    assert (point.ratio.low, point.ratio.high) == pytest.approx((1.0, 4.0))
    assert (point.ratio.level, point.ratio.processes) == (0.75, 3)
    assert point.seconds.median == pytest.approx(0.02)
    assert point.comparator_seconds.median == pytest.approx(0.01)
    assert point.timesteps_per_second == pytest.approx(4 * 10 / 0.02)
    assert (speed.processes, speed.peak_memory_bytes, speed.comparator) == (3, 7, "lstm")
    assert (speed.kernels, speed.comparator_kernels) == ({"train": GRU}, {"train": LSTM})


def test_the_ratios_of_plain_loops_are_kept_apart() -> None:
    one = process(timing([2.0]), plain=(timing([0.9]),))
    speed = merged(one, one)
    as_built, plain = speed.at_own_length("train"), speed.plain_loop("train")
    assert as_built is not None
    assert plain is not None
    assert (as_built.ratio.median, plain.ratio.median) == pytest.approx((2.0, 0.9))
    assert merged(process(timing([2.0]))).plain_loop("train") is None


def test_a_slow_spell_of_the_machine_leaves_the_ratio_alone() -> None:
    spells = (1.0, 1.0, 9.0, 9.0, 1.0)
    slowed = RawTiming(
        mode="forward",
        length=10,
        batch_size=4,
        seconds=tuple(0.02 * s for s in spells),
        comparator_seconds=tuple(0.01 * s for s in spells),
    )
    point = merged(process(slowed), process(slowed)).at_own_length("forward")
    assert point is not None
    assert (point.ratio.low, point.ratio.high) == pytest.approx((2.0, 2.0))
    assert not point.noisy


def test_noise_is_judged_by_mode() -> None:
    def one(stream: float) -> TrialTimings:
        return process(timing([1.0] * 4), timing([stream] * 4, mode="stream"))

    speed = merged(one(1.0), one(1.6), one(1.1))
    noisy = {point.mode: point.noisy for point in speed.points}
    assert noisy == {"train": False, "stream": True}


def test_scatter_of_samples_is_no_noise_where_the_processes_agree() -> None:
    scattered = [0.5, 0.9, 1.0, 1.1, 1.9]
    assert not merged(*[process(timing(scattered))] * 6).points[0].noisy


def test_a_ratio_from_one_process_has_no_interval_and_counts_as_noisy() -> None:
    point = merged(process(timing([1.0, 1.0]))).points[0]
    assert (point.ratio.low, point.ratio.high, point.ratio.level) == (None, None, 0.0)
    assert point.noisy


def test_a_length_that_a_process_skipped_is_merged_from_the_others() -> None:
    full = process(timing([1.0]), timing([2.0], length=40))
    speed = merged(full, process(timing([1.0])), full)
    assert {point.length: point.ratio.processes for point in speed.points} == {10: 3, 40: 2}


@pytest.mark.parametrize(
    ("n", "level", "ends"),
    [(2, 0.5, (0, 1)), (3, 0.75, (0, 2)), (6, 1 - 2 / 64, (0, 5)), (9, 1 - 20 / 512, (1, 7))],
)
def test_intervals_are_those_of_the_sign_test(n: int, level: float, ends: tuple[int, int]) -> None:
    ratio = median_over_processes([float(value) for value in reversed(range(n))])
    assert (ratio.low, ratio.high) == ends
    assert ratio.level == pytest.approx(level)


@pytest.mark.parametrize("shape", ["normal", "lognormal", "two modes"])
def test_the_interval_covers_the_median_over_processes_as_often_as_it_says(shape: str) -> None:
    """20,000 measurements by as many processes as a speed pass starts, with skew and two modes."""
    rng = np.random.default_rng(0)
    size = (20_000, PROCESSES)
    if shape == "two modes":
        # a third of the processes is placed badly: the median lies in the faster mode
        slow = rng.random(size) < 1 / 3
        values = np.where(slow, rng.normal(2.0, 0.1, size), rng.normal(1.0, 0.1, size))
        big = np.where(
            rng.random(10**6) < 1 / 3, rng.normal(2.0, 0.1, 10**6), rng.normal(1.0, 0.1, 10**6)
        )
        truth = float(np.median(big))
    else:
        normal = rng.normal(0.0, 0.3, size)
        values = np.exp(normal) if shape == "lognormal" else 2.0 + normal
        truth = 1.0 if shape == "lognormal" else 2.0
    level = median_over_processes(values[0].tolist()).level
    assert level >= 0.95
    covered = float(np.mean((values.min(1) <= truth) & (truth <= values.max(1))))
    found = [median_over_processes(row) for row in values[:200].tolist()]
    assert [(r.low, r.high) for r in found] == [
        (min(row), max(row)) for row in values[:200].tolist()
    ]
    assert covered == pytest.approx(level, abs=0.005)


@given(
    ratios=st.lists(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), min_size=1, max_size=9)
)
@settings(deadline=None, max_examples=50)
def test_the_interval_holds_the_median_of_the_medians(ratios: list[list[float]]) -> None:
    point = merged(*(process(timing(each)) for each in ratios)).points[0]
    assert point.ratio.median == pytest.approx(median(median(each) for each in ratios))
    if point.ratio.low is not None and point.ratio.high is not None:
        assert point.ratio.low <= point.ratio.median <= point.ratio.high
