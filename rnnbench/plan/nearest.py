"""Search for the size whose value is nearest to a target, among the sizes that work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

START = 64
"""The size tried first."""
SCANNED = 128
"""Sizes tried near one that does not work."""
LARGEST_STEP = 8
"""Factor by which the size grows or shrinks at most from one step to the next."""


@dataclass(frozen=True)
class Nearest:
    """The result of a search.

    Attributes:
        size: the size found.
        value: its value.
        low: the smallest value; where it is above the target, that of the smallest size.
        high: the largest value; where it is below the target, that of the largest size.
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

    The value must not decrease with the size. Any sizes may not work: then those near them are
    tried, so that sizes in steps of up to 128, or powers of 2, are found. Values of networks grow
    between linearly and quadratically, which the steps assume to be fast and not to be right: the
    interval that holds the target is narrowed until no size is left in it.

    Args:
        measure: the value of a size; ``None`` where the size does not work. Called once per size.
        target: the value wanted, above 0.
        largest: the largest size allowed.
        tolerance: relative error at which the search ends, and relative difference of sizes up to
            which they are not told apart; 0 finds the nearest.
        stop: whether to end the search with what is known, e.g. after some time.

    Returns:
        The nearest size, the smaller of two that are equally near; ``None`` where no size works.
    """
    search = _Search(measure, target, largest, tolerance, stop)
    if search.begin():
        search.bracket()
        search.narrow()
    return search.result()


class _Search:
    """The sizes tried so far, and the interval that holds the target.

    ``below`` is the largest size with a value below the target, or 0; ``above`` the smallest size
    with a value at or above it, or ``None``.
    """

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

    def begin(self) -> bool:
        """Find a first size that works; return whether there is one."""
        start = min(START, self._largest)
        near = [*range(start, min(start + SCANNED, self._largest + 1)), *range(start - 1, 0, -1)]
        powers = [2**n for n in range(self._largest.bit_length()) if 2**n > start + SCANNED]
        return self._take([*near, *powers])

    def bracket(self) -> None:
        """Go up until a value reaches the target, or down until one lies below it."""
        ceiling, first = self._largest + 1, self._below
        while self._above is None and ceiling - self._below > 1 and not self._ended():
            guess = self._extrapolated(self._below)
            if self._below != first:
                # The value grows more slowly than was assumed.
                guess = max(guess, 2 * self._below)
            guess = min(guess, self._largest)
            if guess >= ceiling:
                guess = (self._below + ceiling) // 2
            double = [2 * self._below] if 2 * self._below < ceiling else []
            if not self._take([*range(guess, min(guess + SCANNED, ceiling)), *double]):
                ceiling = guess
        last = self._above
        while self._below == 0 and self._above is not None and not self._ended():
            guess = self._extrapolated(self._above)
            if self._above != last:
                guess = min(guess, self._above // 2)
            if not self._take(self._near(guess)):
                return

    def narrow(self) -> None:
        """Narrow the interval until no size in it is left to try."""
        width, slow = self._width(), 0
        while self._is_wide() and not self._ended():
            assert self._above is not None
            last_below, last_above = self._below, self._above
            guess = (last_below + last_above) // 2 if slow > 1 else self._interpolated()
            if not self._take(self._near(guess)):
                return
            # An interpolation comes close on one side: the next size on the other one may close it.
            if self._below != last_below and self._is_wide() and not self._ended():
                self._take(self._near(self._below + 1))
            elif self._above != last_above and self._is_wide() and not self._ended():
                self._take(self._near(self._above - 1))
            slow = 0 if slow > 1 or self._width() <= width / 2 else slow + 1
            width = self._width()

    def result(self) -> Nearest | None:
        """Return the nearest of all sizes tried that work."""
        worked = {size: value for size, value in self._tried.items() if value is not None}
        if not worked:
            return None
        size = min(worked, key=lambda each: (abs(worked[each] - self._target), each))
        return Nearest(size, worked[size], min(worked.values()), max(worked.values()))

    def _width(self) -> int:
        return (self._above or 0) - self._below

    def _is_wide(self) -> bool:
        """Whether sizes are left in the interval that differ by more than the tolerance."""
        above = self._above or 0
        return self._width() > max(1.0, self._tolerance * above)

    def _ended(self) -> bool:
        values = [value for value in self._tried.values() if value is not None]
        error = min((abs(value - self._target) for value in values), default=math.inf)
        return error <= self._tolerance * self._target or (bool(self._tried) and self._stop())

    def _take(self, sizes: Iterable[int]) -> bool:
        """Take the first size that works as an end of the interval; return whether there is one."""
        for size in sizes:
            if size not in self._tried:
                if self._tried and self._stop():
                    return False
                self._tried[size] = self._measure(size)
            value = self._tried[size]
            if value is not None:
                if value >= self._target:
                    self._above = size
                else:
                    self._below = size
                return True
        return False

    def _near(self, guess: int) -> list[int]:
        """Return sizes inside the interval by their distance from ``guess``."""
        assert self._above is not None
        guess = min(max(guess, self._below + 1), self._above - 1)
        first, last = max(self._below + 1, guess - SCANNED), min(self._above - 1, guess + SCANNED)
        return sorted(range(first, last + 1), key=lambda size: (abs(size - guess), size))

    def _extrapolated(self, size: int) -> int:
        """Return where a value that grows quadratically reaches the target, and a little beyond."""
        value = self._tried.get(size) or 0.0
        ratio = math.sqrt(self._target / value) if value else math.inf
        if ratio > 1:
            return max(size + 1, math.ceil(size * min(1.02 * ratio, LARGEST_STEP)))
        return min(size - 1, math.floor(size * max(0.98 * ratio, 1 / LARGEST_STEP)))

    def _interpolated(self) -> int:
        """Return where a straight line on logarithmic scales reaches the target."""
        assert self._above is not None
        low, high = self._tried.get(self._below), self._tried[self._above]
        assert high is not None
        if not low or low >= high:
            return (self._below + self._above) // 2
        share = math.log(self._target / low) / math.log(high / low)
        guess: int = round(self._below * (self._above / self._below) ** share)
        return guess
