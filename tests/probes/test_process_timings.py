"""Merging the raw timings of several processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.probes.speed.process_timings import ProcessTimings, RawTiming, merge
from rnnbench.records.result import Environment, Speed, SpeedMode

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


def process(
    ratios: list[float], *, length: int = 10, mode: SpeedMode = "train", memory: int = 1
) -> ProcessTimings:
    timing = RawTiming(
        mode=mode,
        length=length,
        batch_size=4,
        seconds=tuple(0.01 * r for r in ratios),
        comparator_seconds=(0.01,) * len(ratios),
    )
    return ProcessTimings(timings=(timing,), peak_memory_bytes=memory, dtype="float32")


def merged(*processes: ProcessTimings, length: int = 10) -> Speed:
    return merge(processes, comparator="lstm", length=length, environment=ENVIRONMENT)


def test_samples_are_pooled_into_median_and_quartiles() -> None:
    speed = merged(process([1.0, 2.0], memory=5), process([3.0, 4.0, 5.0], memory=7))
    point = speed.at_own_length("train")
    assert point is not None
    assert (point.ratio.low, point.ratio.median, point.ratio.high) == pytest.approx((2.0, 3.0, 4.0))
    assert point.seconds.median == pytest.approx(0.03)
    assert point.comparator_seconds.median == pytest.approx(0.01)
    assert point.timesteps_per_second == pytest.approx(4 * 10 / 0.03)
    assert (speed.processes, speed.peak_memory_bytes, speed.comparator) == (2, 7, "lstm")


def test_a_slow_spell_of_the_machine_leaves_the_ratio_alone() -> None:
    spells = (1.0, 1.0, 9.0, 9.0, 1.0)
    timing = RawTiming(
        mode="forward",
        length=10,
        batch_size=4,
        seconds=tuple(0.02 * s for s in spells),
        comparator_seconds=tuple(0.01 * s for s in spells),
    )
    speed = merged(ProcessTimings(timings=(timing,), peak_memory_bytes=0, dtype="float32"))
    point = speed.at_own_length("forward")
    assert point is not None
    assert (point.ratio.low, point.ratio.high) == pytest.approx((2.0, 2.0))
    assert not speed.noisy


def test_scatter_within_a_process_is_noisy() -> None:
    assert not merged(process([1.0, 1.05, 1.1, 1.15])).noisy
    assert merged(process([1.0, 1.1, 1.5, 1.9])).noisy


def test_steady_processes_that_disagree_are_noisy() -> None:
    assert not merged(process([1.0] * 5), process([1.1] * 5)).noisy
    assert merged(process([1.0] * 50), process([1.0] * 50), process([1.4] * 5)).noisy


def test_only_the_tasks_own_length_decides() -> None:
    wild = [1.0, 2.0, 3.0, 4.0]
    assert not merged(process([1.0] * 4), process(wild, length=99)).noisy
    assert merged(process([1.0] * 4), process(wild, length=99), length=99).noisy


@given(
    ratios=st.lists(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), min_size=1, max_size=4)
)
@settings(deadline=None, max_examples=50)
def test_merging_agrees_with_quantiles_of_everything(ratios: list[list[float]]) -> None:
    point = merged(*map(process, ratios)).points[0]
    expected = np.quantile([r for one in ratios for r in one], [0.25, 0.5, 0.75])
    assert [point.ratio.low, point.ratio.median, point.ratio.high] == pytest.approx(
        expected.tolist()
    )
