"""Search for the size whose value is nearest to a target, among the sizes that work."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

SCANNED = 128
"""Sizes tried on either side of one that does not work."""
MOST_REFUSALS = 400
"""Sizes tried before it is concluded that none works."""


@dataclass(frozen=True)
class Nearest:
    """The result of a search.

    Attributes:
        size: the size found.
        value: its value.
        low: value at the smallest size that works.
        high: value at the largest size tried, which is the largest possible one where the target is
            beyond it.
    """

    size: int
    value: float
    low: float
    high: float


def nearest_size(
    measure: Callable[[int], float | None],
    target: float,
    largest: int,
    *,
    tolerance: float = 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> Nearest | None:
    """Return the size from 1 to ``largest`` whose value is nearest to ``target``.

    The value must not decrease with the size; the sizes that do not work may be any. Sizes double
    until the value reaches the target, then the interval is divided, in turn by interpolation on a
    log scale and at its middle. Where a size does not work, those around it are tried. Of two sizes
    that are equally near, the smaller one is taken.

    Args:
        measure: the value of a size; ``None`` where the size does not work. Called once per size.
        target: the value wanted, above 0.
        largest: the largest size allowed.
        tolerance: relative error at which the search ends; 0 finds the nearest.
        stop: whether to end the search with what is known, e.g. after some time.

    Returns:
        The nearest size; ``None`` where no size works.
    """
    search = _Search(measure, target, largest, tolerance, stop)
    search.bracket()
    search.divide()
    return search.result()


class _Search:
    def __init__(
        self,
        measure: Callable[[int], float | None],
        target: float,
        largest: int,
        tolerance: float,
        stop: Callable[[], bool],
    ) -> None:
        self._measure, self._target, self._largest = measure, target, largest
        self._tolerance, self._stop = tolerance, stop
        self._tried: dict[int, float | None] = {}
        self._below = 0
        self._above: int | None = None

    def bracket(self) -> None:
        """Double the size until its value reaches the target."""
        size = 1
        while size <= self._largest and not self._ended():
            end = min(2 * size, size + SCANNED, self._largest + 1)
            found = self._first_working(range(size, end))
            if found is not None:
                if self._reaches(found):
                    self._above = found
                    return
                self._below = found
            size = 2 * (found or size)
        if not self._ended():
            beyond = max(self._below, self._largest - SCANNED)
            last = self._first_working(range(self._largest, beyond, -1))
            if last is not None and self._reaches(last):
                self._above = last
            elif last is not None:
                self._below = last

    def divide(self) -> None:
        """Narrow the interval in which the value passes the target."""
        middle = False
        while self._above is not None and self._above - self._below > 1 and not self._ended():
            guess = (self._below + self._above) // 2 if middle else self._interpolated()
            found = self._first_working(self._around(guess))
            if found is None:
                if middle:
                    return
            elif self._reaches(found):
                self._above = found
            else:
                self._below = found
            middle = not middle

    def result(self) -> Nearest | None:
        """Return the nearest of all sizes tried that work."""
        worked = {size: value for size, value in self._tried.items() if value is not None}
        if not worked:
            return None
        size = min(worked, key=lambda each: (abs(worked[each] - self._target), each))
        return Nearest(size, worked[size], worked[min(worked)], worked[max(worked)])

    def _ended(self) -> bool:
        values = [value for value in self._tried.values() if value is not None]
        if not values:
            return len(self._tried) >= MOST_REFUSALS or (bool(self._tried) and self._stop())
        error = min(abs(value - self._target) for value in values)
        return error <= self._tolerance * self._target or self._stop()

    def _value(self, size: int) -> float | None:
        if size not in self._tried:
            self._tried[size] = self._measure(size)
        return self._tried[size]

    def _reaches(self, size: int) -> bool:
        value = self._value(size)
        return value is not None and value >= self._target

    def _first_working(self, sizes: range | list[int]) -> int | None:
        for size in sizes:
            if self._value(size) is not None:
                return size
            if self._ended():
                return None
        return None

    def _around(self, guess: int) -> list[int]:
        """Return the sizes inside the interval by their distance from ``guess``."""
        assert self._above is not None
        inside = range(max(self._below + 1, guess - SCANNED), min(self._above, guess + SCANNED + 1))
        return sorted(inside, key=lambda size: (abs(size - guess), size))

    def _interpolated(self) -> int:
        assert self._above is not None
        low, high = self._tried.get(self._below), self._tried[self._above]
        assert high is not None
        if not low or low >= high:
            return (self._below + self._above) // 2
        share = math.log(self._target / low) / math.log(high / low)
        guess: int = round(self._below * (self._above / self._below) ** share)
        return min(max(guess, self._below + 1), self._above - 1)
