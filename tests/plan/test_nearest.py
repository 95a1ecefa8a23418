"""The nearest size, against all sizes tried one by one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from rnnbench.plan.nearest import Nearest, nearest_size

LARGEST = 1 << 16
COEFFICIENTS = st.tuples(st.integers(0, 9), st.integers(1, 50), st.integers(0, 2000))
TARGETS = st.floats(1, 1e12)


def searched(
    value: Callable[[int], float], works: Callable[[int], bool], target: float, largest: int
) -> tuple[Nearest | None, int]:
    """Return the result of a search, and the number of sizes that were measured."""
    measured: list[int] = []

    def measure(size: int) -> float | None:
        assert 1 <= size <= largest
        measured.append(size)
        return value(size) if works(size) else None

    found = nearest_size(measure, target, largest)
    assert len(measured) == len(set(measured))
    return found, sum(map(works, measured))


def assert_nearest(
    value: Callable[[int], float], works: Callable[[int], bool], target: float, largest: int
) -> int:
    found, measured = searched(value, works, target, largest)
    sizes = [size for size in range(1, largest + 1) if works(size)]
    if not sizes:
        assert found is None
        return measured
    assert found is not None
    assert works(found.size)
    assert found.value == value(found.size)
    assert abs(found.value - target) == min(abs(value(size) - target) for size in sizes)
    if target < value(sizes[0]):
        assert found.low == value(sizes[0])
    if target > value(sizes[-1]):
        assert found.high == value(sizes[-1])
    return measured


@given(COEFFICIENTS, TARGETS)
def test_the_nearest_of_all_sizes_is_found(terms: tuple[int, int, int], target: float) -> None:
    def value(size: int) -> int:
        return terms[0] * size**2 + terms[1] * size + terms[2]

    measured = assert_nearest(value, lambda _: True, target, 3000)
    assert measured <= 24


@given(COEFFICIENTS, TARGETS, st.integers(1, 128))
def test_sizes_in_steps_are_found(terms: tuple[int, int, int], target: float, step: int) -> None:
    assert_nearest(
        lambda size: terms[0] * size**2 + terms[1] * size + terms[2],
        lambda size: size % step == 0,
        target,
        3000,
    )


@given(COEFFICIENTS, TARGETS)
def test_powers_of_two_are_found(terms: tuple[int, int, int], target: float) -> None:
    assert_nearest(
        lambda size: terms[0] * size**2 + terms[1] * size + terms[2],
        lambda size: size.bit_count() == 1,
        target,
        LARGEST // 16,
    )


@given(TARGETS, st.integers(1, 2000), st.integers(0, 2000))
def test_limits_of_a_constructor_are_found(target: float, least: int, more: int) -> None:
    """Sizes from ``least`` to ``least + more`` work; a first one has to be near the start."""
    if not (least <= 191 and least + more >= 1):
        least = 1
    assert_nearest(
        lambda size: 3 * size**2 + size, lambda s: least <= s <= least + more, target, 4096
    )


@given(st.lists(st.integers(0, 5), min_size=200, max_size=200), st.integers(1, 600))
def test_a_value_may_stay_the_same_and_jump(steps: list[int], target: int) -> None:
    values = [sum(steps[: size + 1]) + 1 for size in range(200)]
    assert_nearest(lambda size: values[size - 1], lambda _: True, target, 200)


def test_without_a_size_that_works_there_is_none() -> None:
    found, _ = searched(float, lambda _: False, 100, LARGEST)
    assert found is None


def test_a_search_ends_within_the_tolerance_and_on_request() -> None:
    tried: dict[str, list[int]] = {"exact": [], "rough": []}

    def measure(which: str, size: int) -> float:
        tried[which].append(size)
        return float(size**2)

    nearest_size(partial(measure, "exact"), 1e6 + 7, LARGEST)
    found = nearest_size(partial(measure, "rough"), 1e6 + 7, LARGEST, tolerance=0.1)
    assert found is not None
    assert abs(found.value / (1e6 + 7) - 1) <= 0.1
    assert len(tried["rough"]) < len(tried["exact"])
    cut = nearest_size(lambda size: float(size**2), 1e6, LARGEST, stop=lambda: True)
    assert cut is not None
    assert cut.value < 1e6
